"""What a facilitator may do: lie, lose its answer, answer late; one payment stays one top-up."""

import asyncio
from typing import Any

import pytest

from billing.machine_payments import payment as payments
from kernel.clock import SECOND_US
from keys.audit_log import Actor
from tests.support.facilitator import FacilitatorService, Lie
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN, fill, operator, switch
from tests.support.paying import (
    PAY_TO,
    again,
    decoded,
    delivered_cents,
    findings,
    make_due,
    pay,
    rows,
    sweep,
)

# What is made of a true answer, and what is believed then.
LIES: dict[str, tuple[Lie, str]] = {
    "500": (lambda said: (500, said), "paid"),
    "soup": (lambda _: (200, "soup"), "paid"),
    "another payer": (lambda said: (200, said | {"payer": PAY_TO}), "stuck"),
    "another amount": (lambda said: (200, said | {"amount": "1"}), "stuck"),
    "another network": (lambda said: (200, said | {"network": "eip155:1"}), "stuck"),
    "no transaction": (lambda said: (200, said | {"transaction": ""}), "stuck"),
    "pending": (
        lambda said: (200, said | {"success": False, "errorReason": "settlement_pending"}),
        "paid",
    ),
    "refused": (
        lambda said: (
            200,
            said | {"success": False, "transaction": "", "errorReason": "insufficient_funds"},
        ),
        "refused",
    ),
}


@pytest.mark.one_database
async def test_what_a_facilitator_says_is_believed_only_where_it_fits(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    answers = {}
    for name, (lie, _) in LIES.items():
        facilitator.lies.append(lie)
        answers[name] = await pay(gateway)
        assert await delivered_cents(gateway) == 0
    await make_due(gateway)
    await sweep(gateway)

    found = [one.shape()["state"] for one in reversed(await rows(gateway))]
    assert dict(zip(LIES, found, strict=True)) == {name: end for name, (_, end) in LIES.items()}
    told = {name: one.json()["code"] for name, one in answers.items()}
    assert told == {name: 2013 if name == "refused" else 1002 for name in LIES}
    refused = answers["refused"]
    assert "insufficient_funds" in refused.json()["data"]["error"]["detail"]
    assert not decoded(refused.headers["payment-response"])["success"]
    assert await delivered_cents(gateway) == 3000
    assert await findings(gateway) == []


async def test_a_transaction_that_is_told_twice_sends_once_and_is_shown_to_the_operator(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    # As a facilitator that keeps its answers by too little, and leaves out whose they are.
    said_once = {"success": True, "transaction": "0x" + "Ab" * 32, "network": "eip155:8453"}
    facilitator.lies.extend([lambda _: (200, said_once)] * 2)
    first, second = await asyncio.gather(pay(gateway), pay(gateway))

    assert sorted(one.json()["code"] for one in (first, second)) == [1001, 1002]
    assert await delivered_cents(gateway) == 1000
    stuck, paid = sorted(await rows(gateway), key=lambda one: one.state, reverse=True)
    assert (stuck.shape()["state"], paid.state) == ("stuck", "paid")
    assert stuck.settlement == paid.settlement == "0x" + "ab" * 32
    boss = await operator(gateway)
    await switch(boss, "live")
    here = f"{ADMIN}/machine-payments/{stuck.id}"
    assert f"already settled payment {paid.id}" in (await boss.get(here)).text
    fields = {"verdict": "settled", "settlement": "0x" + "AB" * 32, "reason": "seen"}
    pressed = await fill(boss, here, fields)
    assert (pressed.status_code, f"already settled payment {paid.id}" in pressed.text) == (
        422,
        True,
    )
    assert (
        await fill(boss, here, fields | {"verdict": "refused", "settlement": ""})
    ).status_code == 303
    assert await delivered_cents(gateway) == 1000
    assert await findings(gateway) == []


async def test_n_settlements_of_one_payment_at_once_charge_and_send_once(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    # The first answer is lost, so that all of them meet a payment that is not settled yet.
    facilitator.faults.extend(["none", "late"])
    lost = await pay(gateway)
    assert (lost.status_code, lost.json()["code"]) == (202, 1002)
    assert lost.json()["data"]["payment"]["state"] == "settling"
    assert lost.headers["retry-after"] == "2"

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(again(gateway, lost)) for _ in range(6)]
        group.create_task(sweep(gateway))

    answers = [one.result().json() for one in asking]
    assert {one["code"] for one in answers} == {1001}
    assert len({one["transaction_id"] for one in answers}) == 1
    # Asked twice, since the first answer was lost; a chain charges a nonce once.
    assert list(facilitator.charged.values()) == [2]
    assert await delivered_cents(gateway) == 1000
    assert await findings(gateway) == []


async def test_a_refusal_after_a_lost_answer_proves_nothing(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    facilitator.faults.extend(["none", "late"])
    facilitator.lies.append(
        lambda said: (
            200,
            said | {"success": False, "transaction": "", "errorReason": "nonce_already_used"},
        )
    )
    paid = await pay(gateway)
    facilitator.lies.append(
        lambda said: (
            200,
            said | {"success": False, "transaction": "", "errorReason": "nonce_already_used"},
        )
    )

    for _ in range(2):
        await make_due(gateway)
        await sweep(gateway)

    [row] = await rows(gateway)
    # Charged it was; it stays open until somebody says so.
    assert row.state in {"unknown", "paid"}
    if row.state == "unknown":
        decided = await gateway.context.machine_payments.decide(
            row.id,
            "settled",
            settlement="0xabc",
            reason="seen on the chain",
            actor=Actor(),
            by_name="ann",
        )
        assert decided.state == "paid"
    assert (await again(gateway, paid)).json()["code"] == 1001
    assert await delivered_cents(gateway) == 1000
    assert await findings(gateway) == []


async def test_what_expired_unsettled_waits_for_a_person(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    facilitator.faults.extend(["none", "lost", "lost"])
    await pay(gateway)

    async def expire(tx: Any) -> None:
        long_ago = gateway.context.clock.now_us() - 2 * 3600 * SECOND_US
        await tx.execute("UPDATE machine_payments SET expires_at = :at", at=long_ago)

    await gateway.context.database.transaction(expire)
    await make_due(gateway)
    await sweep(gateway)

    [row] = await rows(gateway)
    assert row.needs_review
    stuck = await gateway.context.database.read(
        lambda tx: payments.page(tx, "live", state="stuck", before_id=None, limit=5)
    )
    assert [one.id for one in stuck] == [row.id]
    await _decided_on_its_page(gateway, row.id)


async def _decided_on_its_page(gateway: Gateway, payment_id: str) -> None:
    boss = await operator(gateway)
    await switch(boss, "live")
    path = f"{ADMIN}/machine-payments"
    listed = await boss.get(f"{path}?state=stuck")
    assert payment_id in listed.text
    here = f"{path}/{payment_id}"
    metrics = await boss.get("/metrics")
    assert 'topup_machine_payments_stuck{environment="live"} 1' in metrics.text

    async def press(verdict: str, settlement: str, note: str) -> int:
        fields = {"verdict": verdict, "settlement": settlement, "reason": note}
        return (await fill(boss, here, fields)).status_code

    # Without a reason, or without what was seen, nothing is done.
    assert await press("settled", "0xabc", "") == 422
    assert await press("settled", "", "seen") == 422
    assert await press("refused", "0xabc", "seen") == 422
    assert await press("settled", "0xabc", "seen on the chain") == 303
    assert "Record the result" not in (await boss.get(here)).text

    [row] = await rows(gateway)
    assert (row.state, row.settlement) == ("paid", "0xabc")
    assert await delivered_cents(gateway) == 1000
    assert await findings(gateway) == []
    await switch(boss, "staging")
    assert (await boss.request("GET", here)).status_code == 404
