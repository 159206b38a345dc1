"""One top-up's story: every step of it on one page, in time, with links that last."""

import asyncio
import re

import pytest

from tests.support.browser import browser_account, signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.gateway_worker import delivering
from tests.support.recording_receiver import receiver

pytestmark = pytest.mark.one_database

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "bob@example.com"}


async def test_a_page_tells_from_the_request_to_the_last_answer(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser), name="checkout")
    async with receiver(lambda _: (200, 0.0)) as hook, delivering(gateway):
        await gateway.call("POST", "/webhooks/register", key=key, json={"url": hook.url})
        sent = await gateway.call(
            "POST", "/topup/send", key=key, json=SEND, headers={"Idempotency-Key": "order-7"}
        )
        path = f"/dashboard/topups/{sent.json()['transaction_id']}"
        async with asyncio.timeout(30):
            while True:
                page = (await browser.get(path)).text
                if "progress.js" not in page:
                    break
                await asyncio.sleep(0.02)

    told = await gateway.call("GET", f"/topup/status/{sent.json()['transaction_id']}", key=key)
    facts = told.json()["data"]
    assert [facts[name] for name in ("caller_address", "idempotency_key", "url")] == [
        "127.0.0.1",
        "order-7",
        gateway.context.settings.address() + path,
    ]
    rows = steps_of(page)
    assert [row.partition(" ")[0] for row in rows] == [
        "Request", "Decision", "Ledger", "Event", "Webhook", "Attempt",
    ]  # fmt: skip
    assert "Sent with the key checkout" in rows[0]
    assert "Idempotency-Key order-7" in rows[0]
    assert "from 127.0.0.1" in rows[0]
    assert sent.headers["x-request-id"] in rows[0]
    assert "Accepted and delivered at once" in rows[1]
    assert "Top-up sent: $10.00" in rows[2]
    assert "topup.delivered" in rows[3]
    assert hook.url in rows[4]
    assert "Attempt 1: HTTP 200" in rows[5]
    assert re.search(r'<tr id="evt_\w{16}"', page)


@pytest.mark.one_database
async def test_half_an_address_leads_to_why_a_send_failed(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    failing = {**SEND, "recipient_email": "failed@sandbox.test"}
    sent = await gateway.call("POST", "/topup/send", key=key, json=failing)

    listed = (await browser.get("/dashboard/topups?recipient_email=failed")).text
    found = (await browser.get("/dashboard/search?q=failed")).text
    page = text_of((await browser.get(f"/dashboard/topups/{sent.json()['transaction_id']}")).text)

    assert 'href="/dashboard/search?q=failed"' in listed
    assert sent.json()["transaction_id"] in found
    assert page.index("Failure reason sandbox: this recipient always fails") < page.index("Story")


def steps_of(page: str) -> list[str]:
    table = page[page.index('<table class="story">') : page.index("</table>")]
    return [text_of(f"<tr {row}").strip() for row in table.split("<tr ")[1:]]


async def test_a_link_leads_to_the_other_environment_and_no_secret_is_kept(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)
    account = await browser_account(browser)
    key = await gateway.key(account)
    sent = await gateway.call(
        "POST", "/topup/send", key=key, json=SEND, headers={"Idempotency-Key": key}
    )
    path = f"/dashboard/topups/{sent.json()['transaction_id']}"
    shown = (await browser.get(path)).text
    assert "Idempotency-Key ak_staging_***" in text_of(shown)
    assert key not in shown

    await browser.send("/dashboard/environment", {"to": "live"})
    elsewhere = await browser.get(path)
    unknown = await browser.get("/dashboard/topups/txn_0000000000000000")
    back = await browser.send("/dashboard/environment", {"to": "staging", "next": path})

    assert elsewhere.status_code == 404
    assert "This is in staging" in elsewhere.text
    assert f'name="next" value="{path}"' in elsewhere.text
    assert "There is nothing here" in unknown.text
    assert back.headers["location"].startswith(path)
