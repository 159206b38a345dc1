"""One intent over the doors: keys, MCP and a person's page meet the same top-up."""

from typing import Any

import pytest

from keys.principal import ACCOUNT_SCOPES
from store.database import Transaction
from tests.support.browser import signed_in
from tests.support.gateway import API, Gateway
from tests.support.mcp_agent import agent, data_of

pytestmark = pytest.mark.one_database

INTENT = "gift-for-user-2026-06"
SEND: dict[str, Any] = {
    "platform": "claude",
    "amount_cents": 500,
    "recipient_email": "user@example.com",
    "intent": INTENT,
}


async def key_of(gateway: Gateway, email: str = "ann@example.com") -> str:
    """A key of the account with that address."""

    async def work(tx: Transaction) -> str:
        row = await tx.fetch_one("SELECT id FROM accounts WHERE email = :email", email=email)
        assert row is not None
        return str(row["id"])

    return await gateway.key(await gateway.context.database.read(work), scopes=ACCOUNT_SCOPES)


async def test_a_key_that_may_not_see_the_code_meets_the_top_up_without_it(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    sender = await gateway.key(account_id, scopes=["topup:send"])
    other = await gateway.key(account_id, scopes=["topup:send"])
    reader = await gateway.key(account_id, scopes=["topup:send", "vouchers:read"])

    first = (await gateway.call("POST", "/topup/send", key=sender, json=SEND)).json()
    given = {"Idempotency-Key": "k1"}
    answers = {
        "sender": await gateway.call("POST", "/topup/send", key=sender, json=SEND, headers=given),
        "again": await gateway.call("POST", "/topup/send", key=sender, json=SEND, headers=given),
        "other": await gateway.call("POST", "/topup/send", key=other, json=SEND),
        "reader": await gateway.call("POST", "/topup/send", key=reader, json=SEND),
    }

    assert {one.headers["idempotent-replayed"] for one in answers.values()} == {"true"}
    told = {name: one.json() for name, one in answers.items()}
    assert {one["transaction_id"] for one in told.values()} == {first["transaction_id"]}
    code, link = first["data"]["voucher_code"], first["data"]["claim_url"]
    assert {name: one["data"]["voucher_code"] for name, one in told.items()} == {
        "sender": code,
        "again": code,
        "other": None,
        "reader": code,
    }
    assert told["other"]["data"]["claim_url"] is None
    assert told["reader"]["data"]["claim_url"] == link
    assert told["other"]["data"]["voucher_code_hint"] == code[-4:]


async def test_another_body_and_a_bad_intent_are_refused(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    first = (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()

    other = await gateway.call("POST", "/topup/send", key=key, json={**SEND, "amount_cents": 501})
    short = await gateway.call("POST", "/topup/send", key=key, json={**SEND, "intent": "a" * 15})
    quote = await gateway.call("POST", "/topup/validate", key=key, json=SEND)
    item = {**SEND, "reference": "r1"}
    bulk = await gateway.call("POST", "/topup/bulk", key=key, json={"items": [item]})

    assert (other.status_code, other.json()["code"]) == (409, 2006)
    assert other.json()["transaction_id"] == first["transaction_id"]
    assert other.json()["data"]["error"]["reason"] == "intent_used"
    assert (short.status_code, short.json()["data"]["error"]["param"]) == (422, "intent")
    assert quote.json()["data"]["would_be"] == "replayed"
    assert (bulk.status_code, bulk.json()["code"]) == (422, 3010)
    [met] = bulk.json()["data"]["errors"]
    assert (met["code"], met["error"]["reason"]) == (2006, "intent_met")
    assert met["transaction_id"] == first["transaction_id"]


async def test_mcp_and_a_persons_page_meet_the_same_top_up(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await key_of(gateway)
    async with agent(gateway, key) as client:
        sent = await client.use("send_topup", {**SEND, "idempotency_key": "k-1-of-mcp"})
    link = (
        f"/dashboard/send?platform=claude&amount=5&recipient_email=user@example.com&intent={INTENT}"
    )
    page = await browser.get(link)
    form = {"platform": "claude", "amount": "5", "recipient_email": "user@example.com"}
    hidden = f'name="intent" value="{INTENT}"'
    to_check = await browser.send("/dashboard/send", {**form, "intent": INTENT, "step": "check"})
    checked = await browser.get(to_check.headers["location"])
    answer = await browser.send(
        "/dashboard/send", {**form, "intent": INTENT, "once": "frm_1", "step": "send"}
    )

    assert hidden in page.text
    assert hidden in checked.text
    assert "This was already sent" in checked.text
    topup_id = sent.structured_content["transaction_id"]
    assert answer.headers["location"].startswith(f"/dashboard/topups/{topup_id}")
    assert data_of(sent)["amount_cents"] == 500


async def test_a_page_that_is_sent_again_with_another_session_sends_once(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    form = {"platform": "claude", "amount": "5", "recipient_email": "user@example.com"}
    once = "frm_0123456789abcdefghjkmnpqrs"
    first = await browser.send("/dashboard/send", {**form, "step": "send", "once": once})
    api = await browser.request("GET", f"{API}/topup/history")

    key = await key_of(gateway)
    again = await gateway.call("POST", "/topup/send", key=key, json={**SEND, "intent": once})

    assert first.headers["location"].startswith(
        f"/dashboard/topups/{again.json()['transaction_id']}"
    )
    assert len(api.json()["data"]["items"]) == 1
