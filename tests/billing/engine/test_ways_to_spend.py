"""Every way in which a key spends shares its limits, and ends while it is paused."""

import asyncio
from typing import Any

import pytest

from billing.bulk.acceptance import reserve
from billing.engine.batch_state import BatchState, ReadSet
from billing.topups.send import new_send, prepare
from billing.topups.settlement import Decide, RequesterBlocked
from billing.topups.topup import TopUp
from billing.usage.hold import CaptureHold, new_hold
from billing.usage.usage import UsageItem, UseBatch, UsedBatch, new_usage, new_usage_batch
from kernel.clock import DAY_US, FixedClock
from kernel.errors import DomainError
from keys.account import lock_tenants, set_day_limit
from keys.api_keys.api_key import pause, resume
from keys.caps import CapExceeded
from keys.mandate import KeyPaused, SpendWindow
from keys.principal import Principal
from store.database import Database, Transaction
from store.idempotency import StoredAnswer
from tests.billing.engine.test_mandates import HOUR, MICROS, opened, standing
from tests.support.funded_account import FundedAccount


def ways_to_spend(account: FundedAccount, who: Principal) -> list[Any]:
    """Each way in which a key spends 600 cents."""
    micros = 600 * MICROS
    request = prepare(
        account.rules.platforms.of("staging"),
        account_id=who.account_id,
        platform="claude",
        amount_cents=600,
        recipient_email="user@example.com",
    )
    later = prepare(
        account.rules.platforms.of("staging"),
        account_id=who.account_id,
        platform="claude",
        amount_cents=600,
        recipient_email="user@example.com",
        send_at=account.clock.now_us() + DAY_US,
    )
    usage = UsageItem("", None, None, micros)
    return [
        new_send(who, request),
        new_send(who, later),
        Reserved(new_send(who, request)),
        new_usage(who, usage),
        new_usage_batch(who, [usage]),
        new_hold(who, amount_micros=micros, description=""),
    ]


class Reserved:
    """An item of a batch of which all or nothing is accepted."""

    def __init__(self, send: Any) -> None:
        self._send = send

    def declare(self, read_set: ReadSet) -> None:
        self._send.declare(read_set)

    def decide(self, state: BatchState) -> TopUp:
        return reserve(state, self._send)


async def outcome_of(account: FundedAccount, way: Any) -> object:
    verdicts: list[object] = []

    def keep(used: UsedBatch) -> StoredAnswer:
        verdicts.extend(used.verdicts)
        return StoredAnswer(200, b"{}")

    try:
        if isinstance(way, UseBatch):
            await account.engine.submit_long_once(way, None, keep)
            return verdicts[0]
        return await account.engine.submit(way)
    except DomainError as refused:
        return refused


@pytest.mark.parametrize(
    "limit",
    [
        {"lifetime_cents": 1000},
        {"windows": [SpendWindow(86_400, 10**6), SpendWindow(HOUR, 1000)]},
        {"account": 1000},
    ],
)
async def test_every_way_to_spend_shares_one_limit(
    database: Database, clock: FixedClock, limit: dict[str, Any]
) -> None:
    cents = limit.get("account")
    account = await opened(database, clock, **{} if cents else limit)
    child = await account.mint(parent=account.principal)
    if cents is not None:
        tenant = account.principal.tenant
        await database.transaction(lambda tx: set_day_limit(tx, tenant, cents))
    ways = ways_to_spend(account, child)

    outcomes = await asyncio.gather(*(outcome_of(account, way) for way in ways))

    assert [isinstance(one, CapExceeded) for one in outcomes] == [False] + [True] * 5
    assert (await standing(account, child)).max_now_cents == 400


async def test_a_paused_key_spends_in_no_way_nor_do_its_children(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock)
    parent, tenant = account.principal, account.principal.tenant
    child = await account.mint(parent=parent)
    placed = await account.run(
        new_hold(child, amount_micros=100 * MICROS, description="", overage="owe")
    )
    held = await account.send(100, to="approval@sandbox.test", principal=child)
    assert held.approval is not None

    async def stop(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        await pause(tx, tenant, parent.key_id or "", asker=parent, now_us=clock.now_us())

    await database.transaction(stop)

    outcomes = [await outcome_of(account, way) for way in ways_to_spend(account, child)]
    assert [type(one) for one in outcomes] == [KeyPaused] * 6
    with pytest.raises(KeyPaused):
        await account.mint(parent=child)
    with pytest.raises(RequesterBlocked) as blocked:
        await account.run(
            Decide(held.topup.id, tenant, held.approval.id, "approved", "key_other", child.lineage)
        )
    assert blocked.value.reason == "requester_paused"
    # What was held before may be charged within its amount, not above it.
    over = CaptureHold(placed.hold.id, tenant, 101 * MICROS)
    with pytest.raises(DomainError) as refused:
        await account.run(over)
    assert refused.value.reason == "key_paused"
    await account.run(CaptureHold(placed.hold.id, tenant, 60 * MICROS))
    with pytest.raises(DomainError):
        await database.transaction(lambda tx: resume(tx, tenant, parent.key_id or "", asker=child))
    await database.transaction(lambda tx: resume(tx, tenant, parent.key_id or "", asker=None))
    await account.send(100, principal=child)
