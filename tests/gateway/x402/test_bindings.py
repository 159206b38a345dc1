"""What a payment is known by is what the facilitator moves the money by, and nothing beside it."""

import base64
import json
from typing import Any

import pytest
from x402.schemas import PaymentRequirements

from billing.machine_payments import payment as payments
from billing.machine_payments.payment import MachinePayment
from store.database import Transaction
from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway
from tests.support.machine_payer import SHOWN, Wallet
from tests.support.paying import BODY, decoded, findings, pay, rows

FOREVER = str(2**256 - 1)


async def _shown(gateway: Gateway, payment: dict[str, Any]) -> Any:
    header = base64.b64encode(json.dumps(payment).encode()).decode()
    return await gateway.client.post(
        "/x402/topup", json=BODY, headers={"PAYMENT-SIGNATURE": header}
    )


@pytest.mark.one_database
async def test_an_authorization_without_an_end_is_not_taken(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    patient = Wallet()
    patient.changes = {"validBefore": FOREVER}

    refused = await pay(gateway, patient)

    assert (refused.status_code, refused.json()["code"]) == (402, 2013)
    assert "longer than a day" in refused.json()["data"]["error"]["detail"]
    assert facilitator.charged == {}


@pytest.mark.one_database
async def test_a_payment_says_one_thing_alone(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    whole = decoded((await pay(gateway, Wallet())).extensions[SHOWN])
    facilitator.charged.clear()
    inner = whole["payload"]
    # A facilitator that finds a Permit2 authorization settles that one, whatever lies beside it.
    beside = {**inner, "permit2Authorization": {"nonce": "1", "from": "0x" + "1" * 40}}
    named = {**inner, "authorization": {**inner["authorization"], "NONCE": "0x" + "2" * 64}}

    for payload in (beside, named):
        shown = await _shown(gateway, {**whole, "payload": payload})
        assert (shown.status_code, shown.json()["code"]) == (422, 2007)
    assert facilitator.charged == {}
    assert len(await rows(gateway)) == 1


@pytest.mark.one_database
async def test_nothing_else_of_a_strangers_is_posted_to_the_facilitator(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    wallet = Wallet()
    # To somebody else: the same again would be refused before it is settled.
    first = await pay(gateway, wallet, recipient_email="else@example.com")
    shown = decoded(first.extensions[SHOWN])
    wanted = shown["accepted"]
    signed = wallet.create_payment_payload(PaymentRequirements.model_validate(wanted))
    identifier = {"info": {"required": True, "id": "pay_" + "3" * 32, "more": "x"}, "schema": {}}
    payment = {
        **shown,
        "accepted": {**wanted, "extra": {"assetTransferMethod": "permit2"}},
        "resource": {"url": "https://evil.example/", "description": "mine"},
        "payload": signed,
        "extensions": {"payment-identifier": identifier, "bazaar": {"info": {}}},
    }

    required = await gateway.client.post("/x402/topup", json=BODY)
    asked = decoded(required.headers["payment-required"])
    paid = await _shown(gateway, payment)

    assert (paid.status_code, paid.json()["code"]) == (200, 1001)
    posted = facilitator.posted[-1]["paymentPayload"]
    assert posted == {
        "x402Version": 2,
        "accepted": wanted,
        "payload": signed,
        # Our own copies: what a catalogue says of us is no stranger's to write.
        "resource": asked["resource"],
        "extensions": {
            "payment-identifier": {"info": {"required": True, "id": "pay_" + "3" * 32}},
            "bazaar": asked["extensions"]["bazaar"],
        },
    }


@pytest.mark.one_database
async def test_the_audit_names_a_payment_whose_row_was_changed(gateway: Gateway) -> None:
    paid = await pay(gateway)
    given_back = await pay(gateway, recipient_email="failed@sandbox.test")
    ids = [one.json()["data"]["payment"]["id"] for one in (paid, given_back)]
    kept = await rows(gateway, "staging")
    # Each with how many rules it breaks: what came in, what went back, the top-up that was paid for.
    edits = (
        ("UPDATE machine_payments SET transaction_id = 'txn_0' WHERE id = :id", ids[0], 1),
        ("UPDATE machine_payments SET charged_cents = 900 WHERE id = :id", ids[0], 2),
        ("DELETE FROM machine_payments WHERE id = :id", ids[0], 1),
        ("DELETE FROM machine_payments WHERE id = :id", ids[1], 2),
    )

    for statement, payment_id, broken in edits:
        await _edit(gateway, statement, payment_id)
        found = await findings(gateway)
        assert [one.row_id for one in found if one.row_id == payment_id] == [payment_id] * broken
        await _put_back(gateway, kept)
    assert await findings(gateway) == []


async def _edit(gateway: Gateway, statement: str, payment_id: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.execute(statement, id=payment_id)

    await gateway.context.database.transaction(work)


async def _put_back(gateway: Gateway, kept: list[MachinePayment]) -> None:
    async def work(tx: Transaction) -> None:
        await tx.execute("DELETE FROM machine_payments")
        await payments.insert_payments(tx, kept)

    await gateway.context.database.transaction(work)
