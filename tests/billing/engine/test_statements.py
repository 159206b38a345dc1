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
from tests.support.funded_account import FundedAccount, mint_key, open_funded_account
from webhooks.endpoints.endpoint import register
from webhooks.endpoints.fields import NewEndpoint

SIZES = (1, 10, 200)


def of(database: Database, *, sqlite: int, postgresql: int) -> int:
    return postgresql if isinstance(database, PostgresqlDatabase) else sqlite


async def desk_with_everything(database: Database, clock: FixedClock) -> FundedAccount:
    """An account whose sends meet every rule: caps, two endpoints, a threshold for its balance."""
    account = await open_funded_account(database, clock, per_day_cents=10**9, per_month_cents=10**9)
    account.principal = await mint_key(
        database,
        clock,
        account.account_id,
        "staging",
        parent=account.principal,
        per_day_cents=10**9,
    )

    async def work(tx: Transaction) -> None:
        await set_low_balance_threshold(tx, account.principal.scope, threshold_micros=10_000)
        for number in (1, 2):
            await register(
                tx,
                Vault([b"k" * 32]),
                scope=account.principal.scope,
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
    return account


def fresh_engine(account: FundedAccount, batches: list[int]) -> Engine:
    rules: Rules = account.engine.rules
    return Engine(account.database, account.clock, rules, on_batch=batches.append)


async def statements_of(
    account: FundedAccount, prefix: str, size: int, platform: str = "claude"
) -> int:
    """Statements of one batch of so many different sends, each with a key and a reference."""
    batches: list[int] = []
    account.engine = fresh_engine(account, batches)
    before = account.database.statements_run
    await asyncio.gather(
        *(
            account.send(
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
    return account.database.statements_run - before


async def test_a_batch_of_sends_costs_a_fixed_number_of_statements(
    database: Database, clock: FixedClock
) -> None:
    account = await desk_with_everything(database, clock)
    # The first event to an endpoint at rest also gives it a place in the line.
    await account.send(100)

    costs = [await statements_of(account, f"s{size}x", size) for size in SIZES]

    # BEGIN, on PostgreSQL with the lock, COMMIT; standings, answers, references, accounts, keys,
    # windows, endpoints: on PostgreSQL these seven are one; new accounts, balances, transfers, top-ups, windows, number, events,
    # deliveries, answers: these nine are another.
    assert costs == [of(database, sqlite=18, postgresql=4)] * 3
    assert await account.findings() == []


async def test_a_batch_of_held_sends_does_too(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)
    await account.send(100, platform="slow")

    costs = [await statements_of(account, f"h{size}x", size, platform="slow") for size in SIZES]

    # No new accounts: the hold is one account of the environment.
    assert costs == [of(database, sqlite=17, postgresql=4)] * 3


async def test_a_batch_of_cancels_does_too(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)
    costs = []
    for size in SIZES:
        held = (
            account.send(100, platform="slow", to=f"c{number}@example.com")
            for number in range(size)
        )
        sent = await asyncio.gather(*held)
        batches: list[int] = []
        account.engine = fresh_engine(account, batches)
        before = database.statements_run
        await asyncio.gather(*(account.cancel(one.topup.id) for one in sent))
        assert batches == [size]
        costs.append(database.statements_run - before)

    assert len(set(costs)) == 1, costs
    assert await account.findings() == []


@pytest.mark.parametrize("size", SIZES)
async def test_replays_write_nothing(database: Database, clock: FixedClock, size: int) -> None:
    account = await desk_with_everything(database, clock)
    await asyncio.gather(*(account.send(100, key=f"k{number}") for number in range(size)))
    account.kept.clear()
    before = database.statements_run

    await asyncio.gather(*(account.send(100, key=f"k{number}") for number in range(size)))

    assert [answer.is_replay for answer in account.kept] == [True] * size
    # BEGIN (with the lock), six reads that PostgreSQL makes as one, COMMIT. PostgreSQL is asked for
    # the transaction's id, by which a lost COMMIT is found out, where no write has told it.
    assert database.statements_run - before == of(database, sqlite=8, postgresql=4)
