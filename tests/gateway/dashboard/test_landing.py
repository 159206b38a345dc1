"""The landing page without scripts: its recorded example is true, its links lead somewhere."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from gateway.dashboard.landing import EXAMPLE_SECRET, example_answer, example_webhook
from kernel.clock import SECOND_US, parse_rfc3339
from keys.signatures.signing import verify
from tests.support.browser import new_browser, signed_in, text_of
from tests.support.gateway import Gateway, running, settings_of
from webhooks.events.catalogue import event_schema

pytestmark = pytest.mark.one_database

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


def test_the_recorded_webhook_verifies_and_fits_its_schema() -> None:
    headers, body = example_webhook()
    at_s = parse_rfc3339(example_answer()["timestamp"]) // SECOND_US

    Draft202012Validator(event_schema("topup.delivered")).validate(json.loads(body))

    assert verify(headers=headers, body=body, secret=EXAMPLE_SECRET, now_s=at_s) == []


async def test_the_recorded_example_has_the_fields_of_a_real_one(gateway: Gateway) -> None:
    made = await gateway.call("POST", "/keys/sandbox")
    key = made.json()["data"]["key"]
    sent = (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()
    events = (await gateway.call("GET", "/events", key=key)).json()["data"]["items"]
    recorded = json.loads(example_webhook()[1])

    assert sent.keys() == example_answer().keys()
    assert sent["data"].keys() == example_answer()["data"].keys()
    assert events[0].keys() == recorded.keys()
    assert list(events[0]["data"]) == list(recorded["data"])


async def test_the_page_says_what_the_seed_says_and_every_link_leads_somewhere(
    gateway: Gateway,
) -> None:
    page = await gateway.client.get("/")
    words = text_of(page.text)

    assert page.status_code == 200
    # Whoever reads nothing but headers is told where the text for programs is.
    links = re.findall(r'<([^>]+)>; rel="([^"]+)"', page.headers["link"])
    assert [rel for _, rel in links] == ["alternate", "api-catalog"]
    for path, _ in links:
        assert (await gateway.client.get(path)).status_code == 200
    for promised in (
        "Ship AI top-ups in 10 minutes.",
        "One call. Credits in the wallet.",
        "An API you won't have to wrap.",
        "Three calls. One coffee.",
        "Events you can actually trust.",
        "Ready when you are.",
        "ATU-7Q3X-9KVM-2C8R-T5WA-H4NB",
        f"curl -X POST {gateway.url}/api/public/v1/topup/send",
        "topup.delivered",
        "topup.failed",
        "topup.cancelled",
        "balance.low",
    ):
        assert promised in words
    assert '<meta name="description"' in page.text
    assert "noindex" not in page.text
    assert " style=" not in page.text
    for link in set(re.findall(r'(?:href|src)="(/[^"#]*)"', page.text)):
        found = await gateway.client.get(unescape(link), follow_redirects=True)
        assert found.status_code == 200, link


async def test_who_is_signed_in_is_led_to_the_dashboard(gateway: Gateway) -> None:
    stranger = await new_browser(gateway).request("GET", "/")
    member = await (await signed_in(gateway)).request("GET", "/")

    assert "Sign in" in text_of(stranger.text)
    assert "Go to the dashboard" in text_of(member.text)
    assert "Sign in" not in text_of(member.text)


@pytest.mark.parametrize("is_open", [True, False])
async def test_without_self_service_the_page_only_shows_the_recording(
    database_url: str, tmp_path: Path, *, is_open: bool
) -> None:
    settings = settings_of(database_url, tmp_path, self_serve_staging=is_open)
    async with running(settings) as gateway:
        page = (await gateway.client.get("/")).text
        key = await gateway.client.post("/demonstration/key")

    assert key.status_code == (201 if is_open else 404)
    # It plays in either; only where anybody may have a key it runs for real.
    assert "demo.js" in page
    assert ("Run it for real" in page) is is_open
    assert ("/keys/sandbox" in page) is is_open
    assert ("/sign-up" in page) is is_open
    assert ("the operator of this gateway hands out the keys" in text_of(page)) is not is_open
    assert "Recorded" in text_of(page)
