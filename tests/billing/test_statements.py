"""A batch costs the same statements whatever its size: no statement is run for one command."""

import asyncio

import pytest

from billing.engine.engine import Engine
from billing.engine.rules import Rules
from kernel.clock import FixedClock
from keys.account import set_low_balance_threshold
from keys.vault import Vault
from store.database import Database, Transaction
from store.postgresql.database import PostgresqlDatabase
from tests.billing.desk import Desk, mint_key, open_desk
from webhooks.endpoints.endpoint import register
from webhooks.endpoints.fields import NewEndpoint

SIZES = (1, 10, 200)


def of(database: Database, *, sqlite: int, postgresql: int) -> int:
    return postgresql if isinstance(database, PostgresqlDatabase) else sqlite


async def desk_with_everything(database: Database, clock: FixedClock) -> Desk:
    """An account whose sends meet every rule: caps, two endpoints, a threshold for its balance."""
    desk = await open_desk(database, clock, per_day_cents=10**9, per_month_cents=10**9)
    desk.principal = await mint_key(
        database, clock, desk.account_id, "staging", parent=desk.principal, per_day_cents=10**9
    )

    async def work(tx: Transaction) -> None:
        await set_low_balance_threshold(tx, desk.principal.scope, threshold_micros=10_000)
        for number in (1, 2):
            await register(
                tx,
                Vault([b"k" * 32]),
                scope=desk.principal.scope,
                new=NewEndpoint(
                    url=f"https://hooks.example.com/{number}",
                    events=(),
                    retry_schedule_s=(0, 5, 30),
                    rate_limit_per_s=None,
                ),
                is_sandbox=False,
                now_us=clock.now_us(),
            )

    await database.transaction(work)
    return desk


def fresh_engine(desk: Desk, batches: list[int]) -> Engine:
    rules: Rules = desk.engine.rules
    return Engine(desk.database, desk.clock, rules, on_batch=batches.append)


async def statements_of(desk: Desk, prefix: str, size: int, platform: str = "claude") -> int:
    """Statements of one batch of so many different sends, each with a key and a reference."""
    batches: list[int] = []
    desk.engine = fresh_engine(desk, batches)
    before = desk.database.statements_run
    await asyncio.gather(
        *(
            desk.send(
                100,
                key=f"{prefix}-{number}",
                reference=f"{prefix}-{number}",
                to=f"{prefix}{number}@example.com",
                platform=platform,
            )
            for number in range(size)
        )
    )
    assert batches == [size]
    return desk.database.statements_run - before


async def test_a_batch_of_sends_costs_a_fixed_number_of_statements(
    database: Database, clock: FixedClock
) -> None:
    desk = await desk_with_everything(database, clock)
    # The first event to an endpoint at rest also gives it a place in the line.
    await desk.send(100)

    costs = [await statements_of(desk, f"s{size}x", size) for size in SIZES]

    # BEGIN, on PostgreSQL with the lock, COMMIT; standings, answers, references, accounts, keys,
    # windows, endpoints: on PostgreSQL these seven are one; new accounts, balances, transfers, top-ups, windows, number, events,
    # deliveries, answers: these nine are another.
    assert costs == [of(database, sqlite=18, postgresql=4)] * 3
    assert await desk.findings() == []


async def test_a_batch_of_held_sends_does_too(database: Database, clock: FixedClock) -> None:
    desk = await desk_with_everything(database, clock)
    await desk.send(100, platform="slow")

    costs = [await statements_of(desk, f"h{size}x", size, platform="slow") for size in SIZES]

    # No new accounts: the hold is one account of the environment.
    assert costs == [of(database, sqlite=17, postgresql=4)] * 3


async def test_a_batch_of_cancels_does_too(database: Database, clock: FixedClock) -> None:
    desk = await desk_with_everything(database, clock)
    costs = []
    for size in SIZES:
        held = (
            desk.send(100, platform="slow", to=f"c{number}@example.com") for number in range(size)
        )
        sent = await asyncio.gather(*held)
        batches: list[int] = []
        desk.engine = fresh_engine(desk, batches)
        before = database.statements_run
        await asyncio.gather(*(desk.cancel(one.topup.id) for one in sent))
        assert batches == [size]
        costs.append(database.statements_run - before)

    assert len(set(costs)) == 1, costs
    assert await desk.findings() == []


@pytest.mark.parametrize("size", SIZES)
async def test_replays_write_nothing(database: Database, clock: FixedClock, size: int) -> None:
    desk = await desk_with_everything(database, clock)
    await asyncio.gather(*(desk.send(100, key=f"k{number}") for number in range(size)))
    desk.kept.clear()
    before = database.statements_run

    await asyncio.gather(*(desk.send(100, key=f"k{number}") for number in range(size)))

    assert [answer.is_replay for answer in desk.kept] == [True] * size
    # BEGIN (with the lock), six reads that PostgreSQL makes as one, COMMIT. PostgreSQL is asked for
    # the transaction's id, by which a lost COMMIT is found out, where no write has told it.
    assert database.statements_run - before == of(database, sqlite=8, postgresql=4)
