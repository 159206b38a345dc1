"""Forms say all that is wrong at once, at its field and in their own words; a preview has an address."""

import re
from typing import Any

import pytest

from tests.support.browser import Browser, in_live, signed_in, text_of
from tests.support.gateway import API, Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEND = {"platform": "claude", "amount": "12.50", "recipient_email": "bob@example.com"}


def wrong_of(html: str) -> dict[str, str]:
    """What the page says under which field."""
    found = re.findall(r'<span id="(\w+)-says"><span class="wrong">(.*?)</span>', html)
    return {name: text_of(said).strip() for name, said in found}


async def check(browser: Browser, **fields: str) -> Any:
    """The answer to the form's Check, where it leads to."""
    answer = await browser.send("/dashboard/send", {**SEND, "step": "check", **fields})
    assert answer.status_code == 303
    return await browser.get(answer.headers["location"])


async def test_each_form_says_all_that_is_wrong_at_once_and_once(shared_gateway: Gateway) -> None:
    browser = await signed_in(shared_gateway, "wrong@example.com")
    send = await check(
        browser, amount="0.5", recipient_email="nobody", reference="x" * 200, send_at="soon"
    )
    key = await browser.send(
        "/dashboard/keys",
        {
            "name": " ",
            "scopes": "topup:send",
            "per_call_cents": "ten",
            "per_day_cents": "-3",
            "windows.seconds": "now and then",
            "recipients": "nobody",
            "ip_allow_list": "999.1",
            "max_sends_per_hour": "few",
            "expires_at": "2020-01-01",
        },
    )
    webhook = await browser.send(
        "/dashboard/webhooks",
        {"url": "https://example.com", "retry_schedule_s": "soon", "rate_limit_per_s": "x"},
    )
    fund = await browser.send("/dashboard/fund", {"amount": ""})
    buy = await browser.send(
        "/dashboard/buy", {"pack": "amount", "amount": "much", "provider": "nobody"}
    )
    dollars = "Write an amount in dollars, such as 10.00"

    assert wrong_of(send.text) == {
        "amount": "Write an amount from $1.00 to $1,000.00 for Claude",
        "recipient_email": "An email address must have exactly one @.",
        "reference": "Write at most 128 characters",
    }
    assert "Nothing was done yet: please look at 3 fields below." in text_of(send.text)
    assert text_of(send.text).count("exactly one @") == 1
    assert wrong_of(key.text) == {
        "name": "Write 1 to 100 characters",
        "per_call_cents": dollars,
        "per_day_cents": dollars,
        "windows": "Write a length of time, such as 10m, 1h or 7d, or a number of seconds",
        "recipients": "An email address must have exactly one @.",
        "ip_allow_list": "Write each entry as a CIDR such as 192.0.2.0/24 or 2001:db8::/32, without host bits.",
        "max_sends_per_hour": "Write a whole number",
        "expires_at": "Choose a day in the future",
    }
    assert 'name="per_call_cents" type="text" value="ten"' in key.text
    assert set(wrong_of(webhook.text)) == {"retry_schedule_s", "rate_limit_per_s"}
    assert wrong_of(fund.text) == {"amount": dollars}
    assert wrong_of(buy.text)["amount"] == dollars
    assert {one.status_code for one in (send, key, webhook, fund, buy)} == {422}
    listed = (await browser.request("GET", f"{API}/keys")).json()["data"]["items"]
    assert listed == []


async def test_back_leads_to_the_preview_which_knows_what_was_sent(shared_gateway: Gateway) -> None:
    browser = await signed_in(shared_gateway, "back@example.com")
    answer = await browser.send(
        "/dashboard/send", {**SEND, "step": "check", "note": "For Bob & Ana"}
    )
    preview = answer.headers["location"]
    seen = (await browser.get(preview)).text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', seen))
    sent = await browser.send("/dashboard/send", {**fields, "step": "send"})

    # Back, and pressed once more.
    again = (await browser.get(preview)).text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', again))
    pressed = await browser.send("/dashboard/send", {**fields, "step": "send"})
    change = re.search(r'href="([^"]+)">Change<', seen)
    assert change is not None
    form = (await browser.get(change[1].replace("&amp;", "&"))).text

    assert "bob" not in preview
    assert "Balance after $9,987.50" in text_of(seen)
    assert "This was already sent" not in text_of(seen)
    assert "This was already sent" in text_of(again)
    assert "Show the top-up" in text_of(again)
    topup = sent.headers["location"].partition("?")[0]
    assert pressed.headers["location"].partition("?")[0] == topup
    history = (await browser.request("GET", f"{API}/topup/history")).json()["data"]["items"]
    assert [f"/dashboard/topups/{one['transaction_id']}" for one in history] == [topup]
    assert 'value="12.50"' in form
    assert 'value="For Bob &amp; Ana"' in form
    # Another send than this one, though it begins with the same fields.
    assert 'name="intent"' not in form


async def test_a_message_too_long_for_an_address_is_checked_all_the_same(
    shared_gateway: Gateway,
) -> None:
    browser = await signed_in(shared_gateway, "long@example.com")
    message = "\u0639" * 480 + "\u062d" * 20

    seen = await browser.send("/dashboard/send", {**SEND, "step": "check", "message": message * 3})
    fine = await check(browser, message=message, note="\u0639" * 200)

    assert seen.status_code == 422
    assert "message" in wrong_of(seen.text)
    assert message in seen.text
    assert "Balance after $9,987.50" in text_of(fine.text)


async def test_an_empty_live_wallet_has_nothing_to_send(shared_gateway: Gateway) -> None:
    browser = await in_live(await signed_in(shared_gateway, "empty@example.com"))

    send = (await browser.get("/dashboard/send")).text
    home = text_of((await browser.get("/dashboard")).text)

    assert "The live wallet is empty" in text_of(send)
    assert '<a class="button primary" href="/dashboard/buy">Buy credit</a>' in send
    assert 'value="check"' not in send
    assert "The live wallet is empty. Buy credit" in home


async def test_the_address_of_a_preview_is_of_its_account_alone(shared_gateway: Gateway) -> None:
    ann = await signed_in(shared_gateway, "ann.sends@example.com")
    eve = await signed_in(shared_gateway, "eve.looks@example.com")
    checked = await ann.send("/dashboard/send", {**SEND, "step": "check"})
    preview = checked.headers["location"]

    others = await eve.get(preview)
    broken = [await ann.get(f"/dashboard/send?step=check&form={one}") for one in ("x", "AAAA", "é")]

    assert "bob@example.com" not in others.text
    assert {one.status_code for one in (others, *broken)} == {422}
    assert "bob@example.com" in (await ann.get(preview)).text


async def test_the_preview_of_a_file_is_kept_for_back_until_the_person_signs_out(
    shared_gateway: Gateway,
) -> None:
    browser = await signed_in(shared_gateway, "bulk.back@example.com")
    lines = "reference,platform,amount_cents,recipient_email\none,claude,1000,ana@example.com\n"

    preview = await browser.send("/dashboard/bulk", {"step": "check", "text": lines})
    once = re.search(r'name="once" value="([^"]+)"', preview.text)
    assert once is not None
    sending = {"step": "send", "text": lines, "once": once[1]}
    made = [await browser.send("/dashboard/bulk", sending) for _ in range(2)]
    wrong = await browser.send("/dashboard/bulk", {"step": "check", "text": ""})
    out = await browser.send("/dashboard/sign-out", {})

    assert preview.headers["cache-control"] == "private, no-cache"
    assert made[0].headers["location"] == made[1].headers["location"]
    assert wrong.headers["cache-control"] == "no-store"
    assert out.headers["clear-site-data"] == '"cache"'
