"""Whose idempotency_key a paid send_topup may answer, and until when an unsettled payment holds one."""

from typing import Any

from keys.audit_log import Actor
from store.database import Transaction
from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway
from tests.support.paying import delivered_cents, findings, rows
from tests.support.paying_tools import by_token, code_of, send, signed


async def test_a_known_payment_takes_no_key_of_another_request(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    ordering, sealed = {"Idempotency-Key": "order"}, {"Idempotency-Key": "key"}
    order = {"pack_id": "pack_starter", "provider": "sandbox"}
    named = {"name": "agent", "scopes": ["topup:read"]}
    ordered = await gateway.call("POST", "/orders", key=key, json=order, headers=ordering)
    made = await gateway.call("POST", "/keys", key=key, json=named, headers=sealed)
    meta = await signed(await send(gateway))
    paid = await send(gateway, key=key, meta=meta, idempotency_key="b")

    reused = [
        await send(gateway, key=key, meta=meta, idempotency_key=one) for one in ("order", "key")
    ]
    ordered_again = await gateway.call("POST", "/orders", key=key, json=order, headers=ordering)
    made_again = await gateway.call("POST", "/keys", key=key, json=named, headers=sealed)

    assert (ordered.status_code, made.status_code, code_of(paid)) == (201, 201, 1001)
    assert [code_of(one) for one in reused] == [2006, 2006]
    assert ordered_again.json() == ordered.json()
    assert made_again.json()["data"]["key"] == made.json()["data"]["key"]


async def test_a_known_payment_leaves_another_payments_lease(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    meta = await signed(await send(gateway))
    paid = await send(gateway, key=key, meta=meta, idempotency_key="b")
    other = by_token(await send(gateway))
    await send(gateway, key=key, meta=other, idempotency_key="a")
    before = await gateway.context.database.transaction(_die_in_the_middle)

    again = await send(gateway, key=key, meta=meta, idempotency_key="a")
    unpaid = await send(gateway, key=key, idempotency_key="a")
    after = await gateway.context.database.read(_leases)
    its_own = await send(gateway, key=key, meta=other, idempotency_key="a")

    assert [code_of(one) for one in (paid, again, unpaid, its_own)] == [1001, 1001, 4003, 1001]
    assert (len(before), after) == (1, before)
    assert await gateway.context.database.read(_leases) == []
    assert await findings(gateway) == []


async def test_a_key_is_free_once_the_payment_under_it_was_refused(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    key = await gateway.key(await gateway.account(), "live")
    facilitator.faults.extend(["none", "lost"])
    first, second = [await signed(await send(gateway)) for _ in range(2)]
    waiting = await send(gateway, key=key, meta=first, idempotency_key="a")
    beside = await send(gateway, key=key, meta=second, idempotency_key="a")
    await _refuse(gateway)

    same = await send(gateway, key=key, meta=first, idempotency_key="a")
    paid = await send(gateway, key=key, meta=second, idempotency_key="a")
    unpaid = await send(gateway, key=key, idempotency_key="a")

    told = [code_of(one) for one in (waiting, beside, same, paid, unpaid)]
    assert told == [1002, 1002, 2013, 1001, 1001]
    which = paid["structuredContent"]["transaction_id"]
    assert unpaid["structuredContent"]["transaction_id"] == which
    assert list(facilitator.charged.values()) == [1]
    assert await delivered_cents(gateway) == 0  # the machine account's; this is the key's own
    assert await findings(gateway) == []


async def test_an_unpaid_repeat_asks_for_credit_once_the_payment_was_refused(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    key = await gateway.key(await gateway.account(), "live")
    facilitator.faults.extend(["none", "lost"])
    meta = await signed(await send(gateway))
    await send(gateway, key=key, meta=meta, idempotency_key="a")
    settling = await send(gateway, key=key, idempotency_key="a")
    await _refuse(gateway)

    sent = await send(gateway, key=key, idempotency_key="a")
    again = await send(gateway, key=key, idempotency_key="a")

    assert settling["structuredContent"]["data"]["payment"]["state"] == "settling"
    # This account has no live credit: what it would have been told without that payment.
    assert [code_of(one) for one in (settling, sent, again)] == [1002, 2002, 2002]
    assert "accepts" in sent["structuredContent"]
    assert facilitator.charged == {}


async def test_whoever_repeats_is_told_how_the_payment_ended_though_its_payer_never_comes_back(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    key = await gateway.key(await gateway.account(), "live")
    facilitator.faults.extend(["none", "late"])
    first, second = [await signed(await send(gateway)) for _ in range(2)]
    await send(gateway, key=key, meta=first, idempotency_key="a")
    [row] = await rows(gateway)
    await gateway.context.machine_payments.check_again(row.id)

    unpaid = await send(gateway, key=key, idempotency_key="a")
    other = await send(gateway, key=key, meta=second, idempotency_key="a")

    for one in (unpaid, other):
        told = one["structuredContent"]
        assert (told["code"], told["transaction_id"]) == (1001, row.transaction_id)
        assert told["data"]["voucher_code"] is None
    assert len(await rows(gateway)) == 1
    assert await findings(gateway) == []


async def _refuse(gateway: Gateway) -> None:
    [row] = await rows(gateway)
    ended = await gateway.context.machine_payments.decide(
        row.id, "refused", settlement=None, reason="not seen", actor=Actor(), by_name="ann"
    )
    assert ended.state == "refused"


async def _die_in_the_middle(tx: Transaction) -> list[Any]:
    """As a process leaves the key's row that dies while it pays by card."""
    await tx.execute(
        """UPDATE idempotency_keys SET status = 0, body = :body, lease_until_at = :until,
               lease_token = (SELECT identifier FROM machine_payments WHERE protocol = 'mpp')
           WHERE created_at = (SELECT MAX(created_at) FROM idempotency_keys)""",
        body=b"",
        until=2**62,
    )
    return await _leases(tx)


async def _leases(tx: Transaction) -> list[Any]:
    rows = await tx.fetch("SELECT digest, lease_token FROM idempotency_keys WHERE status = 0")
    return [tuple(row) for row in rows]
