"""A top-up's receipt: signed, provable without the gateway, and its code's digest only."""

import hashlib
from typing import Any

import msgspec
import pytest

from billing.checkpoints.checkpoint import Statement, statement_of
from billing.checkpoints.jws import StatementRefused, decode, encode, keys_of_jwks
from billing.checkpoints.receipt import verify_receipt
from billing.checkpoints.sealing import Sealer
from billing.records import head as record_head
from billing.records.sealing import RecordSealer
from kernel.clock import DAY_US, FixedClock
from tests.support.browser import browser_account, signed_in
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


async def receipt_of(gateway: Gateway, key: str, topup_id: str) -> Any:
    return await gateway.call("GET", f"/topup/{topup_id}/receipt", key=key)


async def public(gateway: Gateway, path: str) -> Any:
    return await gateway.client.get(path)


async def test_a_receipt_proves_itself_once_its_day_is_sealed(gateway: Gateway) -> None:
    account = await gateway.account()
    key = await gateway.key(account, per_call_cents=5000)
    other = await gateway.key(account, scopes=["billing:read"])
    stranger = await gateway.key(await gateway.account())
    sent = (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()
    topup_id, code = sent["transaction_id"], sent["data"]["voucher_code"]

    early = (await receipt_of(gateway, key, topup_id)).json()["data"]
    sealer_clock = FixedClock(gateway.context.clock.now_us() + 2 * DAY_US)
    await Sealer(gateway.context.database, gateway.context.vault, sealer_clock).seal_due()
    sealed = (await receipt_of(gateway, key, topup_id)).json()["data"]
    others = (await receipt_of(gateway, other, topup_id)).json()["data"]
    hidden = await receipt_of(gateway, stranger, topup_id)
    weak = await gateway.key(account, scopes=["topup:read"])
    refused = await receipt_of(gateway, weak, topup_id)

    assert (hidden.status_code, hidden.json()["code"]) == (404, 3003)
    assert (refused.status_code, refused.json()["code"]) == (403, 2009)
    keys = keys_of_jwks((await public(gateway, "/.well-known/receipt-keys")).content)
    verdict = verify_receipt(early["receipt"], keys=keys)
    assert early["checkpoint"] is None
    assert verdict.receipt.payment["charged_cents"] == 1000
    assert verdict.receipt.payment["status"] == "delivered"
    assert [one.proof for one in verdict.receipt.transfers] == [None] * len(
        verdict.receipt.transfers
    )
    assert code not in decode(early["receipt"].split(".")[1]).decode()

    day = sealed["checkpoint"]["day"]
    kept = await public(gateway, f"/.well-known/ledger-checkpoints/staging/{day}")
    listed = await public(gateway, "/.well-known/ledger-checkpoints/staging")
    assert kept.json() in listed.json()["items"]
    statement = statement_of(kept.json()["jws"], keys)[0]
    verdict = verify_receipt(sealed["receipt"], keys=keys, kept=[statement])
    assert all(one.proof is not None for one in verdict.receipt.transfers)
    assert "Those checkpoints are the very ones that you kept." in verdict.proved
    mandate = verdict.receipt.mandate
    assert mandate is not None
    assert mandate["keys"][0]["per_call_cents"] == 5000
    assert verdict.receipt.approval is None

    given = verdict.receipt.deliverable
    assert given is not None
    nonce = decode(given["nonce"])
    assert hashlib.sha256(nonce + code.encode()).hexdigest() == given["sha256"]
    unseen = verify_receipt(others["receipt"], keys=keys).receipt.deliverable
    assert unseen == {**given, "nonce": None}

    other_root = Statement(**{**msgspec.structs.asdict(statement), "root": "0" * 64})
    with pytest.raises(StatementRefused, match="differs from your stored one"):
        verify_receipt(sealed["receipt"], keys=keys, kept=[other_root])


async def test_who_accepts_jose_gets_the_jws_alone(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    sent = (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()

    raw = await gateway.call(
        "GET",
        f"/topup/{sent['transaction_id']}/receipt",
        key=key,
        headers={"Accept": "application/jose"},
    )

    assert raw.headers["content-type"] == "application/jose"
    assert raw.headers["cache-control"] == "private, no-store"
    assert raw.text.count(".") == 2
    assert encode(decode(raw.text.split(".")[2])) == raw.text.split(".")[2]


async def test_a_top_up_that_waits_has_none_yet_and_an_approved_one_names_who_decided(
    gateway: Gateway,
) -> None:
    account = await gateway.account()
    key = await gateway.key(account, approval_threshold_cents=500)
    person = await gateway.key(account, scopes=["approvals:write"])
    asked = (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()
    topup_id, approval_id = asked["transaction_id"], asked["data"]["approval"]["id"]

    waiting = await receipt_of(gateway, key, topup_id)
    await gateway.call("POST", f"/approvals/{approval_id}/approve", key=person)
    made = (await receipt_of(gateway, key, topup_id)).json()["data"]

    assert (waiting.status_code, waiting.json()["code"]) == (404, 3003)
    assert waiting.json()["data"]["error"]["reason"] == "not_ended"
    keys = keys_of_jwks((await public(gateway, "/.well-known/receipt-keys")).content)
    approval = verify_receipt(made["receipt"], keys=keys).receipt.approval
    assert approval is not None
    assert (approval["id"], approval["status"]) == (approval_id, "approved")
    assert approval["decided_by"] is not None


async def test_heads_of_the_record_log_are_published(gateway: Gateway) -> None:
    context = gateway.context
    sealer = RecordSealer(context.database, context.vault, context.clock)
    made = [await sealer.seal(), await sealer.seal()]

    found = (await public(gateway, "/.well-known/record-heads")).json()
    older = (await public(gateway, "/.well-known/record-heads?before=2")).json()
    wrong = await public(gateway, "/.well-known/record-heads?before=x")

    keys = keys_of_jwks((await public(gateway, "/.well-known/receipt-keys")).content)
    said = [record_head.statement_of(one["jws"], keys)[0] for one in found["items"]]
    assert [one.number for one in said] == [2, 1]
    assert said[0].previous == made[0].digest.hex()
    assert [one["number"] for one in older["items"]] == [1]
    assert wrong.status_code == 404


async def test_what_is_published_takes_no_nonsense(gateway: Gateway) -> None:
    paths = ("other", "live/2026-13-01", "live/x", "live/2020-01-01", "live?before=x")
    found = [await public(gateway, f"/.well-known/ledger-checkpoints/{path}") for path in paths]

    assert [one.status_code for one in found] == [404] * 5


async def test_the_page_of_a_top_up_has_its_receipt_as_a_file(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    ids = [
        (await gateway.call("POST", "/topup/send", key=key, json=body)).json()["transaction_id"]
        for body in (SEND, {**SEND, "recipient_email": "pending@sandbox.test"})
    ]

    done, waiting = [f"/dashboard/topups/{one}/receipt" for one in ids]
    page = await browser.get(f"/dashboard/topups/{ids[0]}")
    file = await browser.get(done)

    assert f'href="{done}"' in page.text
    assert file.headers["content-disposition"] == f'attachment; filename="{ids[0]}.jws"'
    assert file.text.count(".") == 2
    assert waiting not in (await browser.get(f"/dashboard/topups/{ids[1]}")).text
    assert (await browser.get(waiting)).status_code == 404
