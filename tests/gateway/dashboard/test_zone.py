"""Times on pages are of one zone: what the person chose, else the browser's, else UTC."""

import re

import pytest

from gateway.html.language import ReadersZone, zone_of_request
from tests.support.browser import signed_in, text_of
from tests.support.gateway import Gateway

ACCOUNT = "/dashboard/account"
# The moment 2026-11-23T16:18:55Z.
AT_US = 1_795_450_735_000_000


def zone_said(cookie: str) -> ReadersZone:
    return zone_of_request({"type": "http", "headers": [(b"cookie", cookie.encode())]})


def test_a_moment_and_a_day_are_of_the_zone_that_the_cookie_names() -> None:
    chosen = zone_said("topup_theme=dark; topup_zone=Asia:Kuwait")
    automatic = zone_said("topup_zone=~Asia:Kuwait")

    assert (chosen.name, chosen.is_chosen) == ("Asia/Kuwait", True)
    assert (automatic.name, automatic.is_chosen) == ("Asia/Kuwait", False)
    assert chosen.shown(AT_US) == "2026-11-23 19:18:55 +03"
    assert chosen.with_utc(AT_US) == "2026-11-23 19:18:55 +03 · 16:18:55 UTC"
    assert chosen.start_of_day("2026-11-23").startswith("2026-11-22T21:00:00")
    # The day on which Berlin's clocks go back begins in summer time.
    berlin = zone_said("topup_zone=Europe:Berlin")
    assert berlin.start_of_day("2026-10-25").startswith("2026-10-24T22:00:00")
    for odd in ("", "topup_zone=", "topup_zone=..:..:etc:passwd", "topup_zone=Mars:Base", "other"):
        assert zone_said(odd).with_utc(AT_US) == "2026-11-23 16:18:55 UTC", odd


@pytest.mark.asyncio(loop_scope="module")
async def test_a_chosen_zone_is_that_of_times_and_of_the_days_of_filters(
    shared_gateway: Gateway,
) -> None:
    ann = await signed_in(shared_gateway)
    before = text_of((await ann.get(ACCOUNT)).text)

    chosen = await ann.send(f"{ACCOUNT}/zone", {"zone": "Asia/Kuwait"})
    ann.cookies["topup_zone"] = ann.cookies["topup_zone"].strip('"')
    page = (await ann.get(ACCOUNT)).text
    topups = text_of((await ann.get("/dashboard/topups")).text)
    wrong = await ann.send(f"{ACCOUNT}/zone", {"zone": "Mars/Base"})
    odd_day = await ann.get("/dashboard/topups?created_after=2026-02-31")
    forgotten = await ann.send(f"{ACCOUNT}/zone", {"zone": ""})

    assert re.search(r"Created \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", before)
    assert chosen.headers["location"] == f"{ACCOUNT}?said=zone-chosen"
    assert 'data-zone="Asia/Kuwait" data-zone-chosen' in page
    assert re.search(r"Created \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+03", text_of(page))
    assert re.search(r'title="[^"]* \+03 · \d\d:\d\d:\d\d UTC"', page)
    assert "From, Asia/Kuwait" in topups
    assert wrong.status_code == 422
    assert "This isn't a time zone. Use one such as UTC or Asia/Kuwait." in text_of(wrong.text)
    assert odd_day.status_code == 200
    assert "Max-Age=0" in forgotten.headers["set-cookie"]
