"""A batch costs the same statements whatever its size: no statement is run for one command."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from billing.engine.engine import Engine
from billing.topups.send import Sent
from billing.topups.settlement import EndedTopUp
from billing.topups.topup import TopUp
from billing.topups.voucher_redemption import Redeemed, find_issued, new_redeem
from billing.usage.price_list import Tokens
from billing.usage.usage import Used
from kernel.clock import FixedClock
from keys.account import set_day_limit, set_low_balance_thresholds
from keys.mandate import SpendWindow
from keys.sandbox_clock import advance
from keys.vault import Vault
from store.database import Database, Transaction
from store.postgresql.database import PostgresqlDatabase
from tests.support.funded_account import FundedAccount, mint_key, open_funded_account
from tests.support.prices import GPT, price
from tests.support.usage import balances, capture, hold, use
from webhooks.endpoints.endpoint import register
from webhooks.endpoints.fields import NewEndpoint

SIZES = (1, 10, 200)

Prepare = Callable[[int], Awaitable[Any]]
Run = Callable[[Any], Awaitable[Any]]


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
        await set_low_balance_thresholds(tx, account.principal.tenant, [10_000])
        for number in (1, 2):
            await register(
                tx,
                Vault([b"k" * 32]),
                tenant=account.principal.tenant,
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
    return Engine(account.database, account.clock, account.engine.rules, on_batch=batches.append)


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


async def test_mandates_cost_one_statement_more(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)
    account.principal = await mint_key(
        database,
        clock,
        account.account_id,
        "staging",
        parent=account.principal,
        platforms=["claude"],
        recipients=["*@example.com", "user@example.com"],
        lifetime_cents=10**9,
        windows=[SpendWindow(60, 10**9), SpendWindow(86_400, 10**9)],
        per_recipient_per_day_cents=10**9,
        max_sends_per_hour=10**6,
        max_recipients_per_week=1000,
        repeat_guard_s=600,
    )
    await database.transaction(lambda tx: set_day_limit(tx, account.principal.tenant, 10**9))
    await account.send(100)

    costs = [await statements_of(account, f"m{size}x", size) for size in SIZES]

    # What the limits count is read once, and written with the windows.
    assert costs == [of(database, sqlite=19, postgresql=5)] * 3


async def test_a_moved_sandbox_clock_costs_one_statement_more(
    database: Database, clock: FixedClock
) -> None:
    account = await desk_with_everything(database, clock)
    await database.transaction(lambda tx: advance(tx, account.principal.tenant, advance_s=86_400))
    await account.send(100)

    costs = [await statements_of(account, f"c{size}x", size) for size in SIZES]

    # The windows of its days are known once its clock is.
    assert costs == [of(database, sqlite=19, postgresql=5)] * 3


async def test_a_batch_of_held_sends_does_too(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)
    await account.send(100, platform="slow")

    costs = [await statements_of(account, f"h{size}x", size, platform="slow") for size in SIZES]

    # No new accounts: the hold is one account of the environment.
    assert costs == [of(database, sqlite=17, postgresql=4)] * 3


async def costs_of(account: FundedAccount, prepare: Prepare, run: Run) -> list[int]:
    """Statements of one batch of each size: of what `run` does with each of what was prepared."""
    costs = []
    for size in SIZES:
        made = await asyncio.gather(*(prepare(number) for number in range(size)))
        batches: list[int] = []
        account.engine = fresh_engine(account, batches)
        before = account.database.statements_run
        await asyncio.gather(*(run(one) for one in made))
        assert batches == [size]
        costs.append(account.database.statements_run - before)
    assert await account.findings() == []
    return costs


async def test_a_batch_of_sends_that_ask_a_person_does_too(
    database: Database, clock: FixedClock
) -> None:
    account = await desk_with_everything(database, clock)
    await account.send(100, to="approval@sandbox.test")

    async def nothing(number: int) -> int:
        return number

    async def ask(number: int) -> Sent:
        return await account.send(100 + number, to="approval@sandbox.test")

    costs = await costs_of(account, nothing, ask)

    assert costs == [of(database, sqlite=15, postgresql=4)] * 3


async def test_a_batch_of_decisions_does_too(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)

    async def ask(number: int) -> Sent:
        return await account.send(100 + number, to="approval@sandbox.test")

    async def deny(sent: Sent) -> EndedTopUp:
        assert sent.approval is not None
        return await account.decide(sent.topup.id, sent.approval.id, "denied")

    costs = await costs_of(account, ask, deny)

    assert costs == [of(database, sqlite=18, postgresql=9)] * 3


async def test_a_batch_of_cancels_does_too(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)

    async def hold(number: int) -> Sent:
        return await account.send(100, platform="slow", to=f"c{number}@example.com")

    costs = await costs_of(account, hold, lambda sent: account.cancel(sent.topup.id))

    assert costs == [of(database, sqlite=16, postgresql=8)] * 3


@pytest.mark.parametrize("outcome", ["delivered", "failed"])
async def test_a_batch_of_settles_does_too(
    database: Database, clock: FixedClock, outcome: str
) -> None:
    account = await desk_with_everything(database, clock)

    async def hold(number: int) -> Sent:
        return await account.send(100, platform="slow", to=f"s{number}@example.com")

    # The recipients have their wallets: no new accounts later.
    for sent in await asyncio.gather(*(hold(number) for number in range(SIZES[-1]))):
        await account.settle(sent.topup.id, "delivered")

    costs = await costs_of(account, hold, lambda sent: account.settle(sent.topup.id, outcome))

    assert costs == [of(database, sqlite=17, postgresql=9)] * 3


async def test_a_batch_of_redeemed_vouchers_does_too(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)

    async def issue(number: int) -> TopUp:
        sent = await account.send(100, to=f"r{number}@example.com")
        assert sent.voucher_code is not None
        return await find_issued(
            database, account.rules.codes, sent.voucher_code, environment="staging"
        )

    async def take(issued: TopUp) -> Redeemed:
        return await account.engine.submit(new_redeem(account.principal, issued, "wallet"))

    costs = await costs_of(account, issue, take)

    # Three of them are voucher.redeemed's, which PostgreSQL gets together with the others.
    assert costs == [of(database, sqlite=16, postgresql=8)] * 3


async def test_a_batch_of_usage_by_tokens_does_too(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)
    await price(database, GPT)
    await use(account, None, model="gpt-4o", tokens=Tokens(1_000, 300))
    names = itertools.count()

    async def name(_: int) -> str:
        return f"call-{next(names)}"

    async def charge(reference: str) -> Used:
        return await use(
            account, None, model="gpt-4o", tokens=Tokens(1_000, 300), reference=reference
        )

    costs = await costs_of(account, name, charge)

    # BEGIN, COMMIT; standings, references, the list's version, accounts, keys, windows, endpoints;
    # balances, transfers, records, sums of the day, windows: on PostgreSQL four, as of a send.
    assert costs == [of(database, sqlite=14, postgresql=4)] * 3


async def test_batches_of_holds_and_captures_do_too(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)
    names = itertools.count()
    await capture(account, (await hold(account, 5)).hold.id, 2)

    async def name(_: int) -> str:
        return f"hold-{next(names)}"

    held = await costs_of(account, name, lambda reference: hold(account, 5, reference=reference))
    ended = await costs_of(
        account,
        lambda _: hold(account, 5),
        lambda one: capture(account, one.hold.id, 2),
    )

    assert held == [of(database, sqlite=12, postgresql=4)] * 3
    # The holds are read first: they name the windows that get the rest back.
    assert ended == [of(database, sqlite=12, postgresql=5)] * 3


async def test_ways_to_spend_share_one_batch(database: Database, clock: FixedClock) -> None:
    account = await desk_with_everything(database, clock)
    await price(database, GPT)
    earlier = await hold(account, 5_000_000)
    before = await balances(account)
    batches: list[int] = []
    account.engine = fresh_engine(account, batches)

    await asyncio.gather(
        account.send(100, reference="a"),
        use(account, None, model="gpt-4o", tokens=Tokens(1_000, 300), reference="b"),
        use(account, 700, reference="c"),
        hold(account, 40, reference="d"),
        capture(account, earlier.hold.id, 2_000_000),
    )

    # 1 dollar; 2,500 for 1,000 tokens and 3,000 for 300 of output; 700; 40; 3 dollars come back.
    spent_micros = 1_000_000 + 5_500 + 700 + 40 - 3_000_000
    assert batches == [5]
    assert (await balances(account))["wallet"] == before["wallet"] - spent_micros
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
