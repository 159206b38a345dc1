"""The connection dies around COMMIT: the send is answered truthfully, and money moves once.

A small proxy stands before PostgreSQL and decides what becomes of one COMMIT.
"""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from billing.engine.engine import Engine
from kernel.clock import FixedClock
from store.database import Database, Transaction
from store.errors import CommitUnknown
from store.open import open_database
from tests.support.database_proxy import Fate, Link, Proxy, cut_after, cut_before, proxied
from tests.support.funded_account import FundedAccount, open_funded_account

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest_asyncio.fixture
async def doors(database_url: str) -> AsyncIterator[tuple[Proxy, str]]:
    async with proxied(database_url) as opened:
        yield opened


@pytest.fixture
def proxy(doors: tuple[Proxy, str]) -> Proxy:
    return doors[0]


@pytest_asyncio.fixture
async def behind(doors: tuple[Proxy, str]) -> AsyncIterator[Database]:
    """The database as it is seen through the proxy."""
    opened = open_database(doors[1])
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def account(database: Database, behind: Database, clock: FixedClock) -> FundedAccount:
    """An account with $10,000.00, whose engine stands behind the proxy."""
    opened = await open_funded_account(database, clock)
    opened.engine = Engine(behind, clock, opened.engine.rules)
    return opened


async def check_that_one_send_happened(account: FundedAccount) -> None:
    balance = await account.balance()
    assert balance["balance_cents"] == 1_000_000 - 1000
    assert await account.events() == ["topup.delivered"]
    assert await account.findings() == []
    first = account.kept[-1]
    assert first.is_replay is False

    await account.send(1000, key="order-1")

    again = account.kept[-1]
    assert again.is_replay is True
    assert (again.status, again.body) == (first.status, first.body)
    assert (await account.balance())["balance_cents"] == 1_000_000 - 1000


@pytest.mark.parametrize(("fate", "commits"), [(cut_before, 3), (cut_after, 2)])
async def test_a_cut_connection_moves_the_money_once(
    account: FundedAccount, proxy: Proxy, fate: Fate, commits: int
) -> None:
    proxy.fate = fate

    await account.send(1000, key="order-1")

    # The lost one, that of the look at what became of it, and where nothing was kept the second try.
    assert proxy.commits == commits
    await check_that_one_send_happened(account)
    await account.engine.close()


@pytest.mark.parametrize("fate", [cut_before, cut_after])
async def test_an_outage_around_commit_is_waited_out(
    account: FundedAccount, proxy: Proxy, fate: Fate
) -> None:
    async def outage(link: Link, data: bytes) -> None:
        proxy.refusals = 4
        await fate(link, data)

    proxy.fate = outage

    await account.send(1000, key="order-1")

    assert proxy.refusals == 0
    await check_that_one_send_happened(account)
    await account.engine.close()


async def somebody_asks_what_became_of_it(url: str) -> None:
    connection = await asyncpg.connect(url, server_settings={"statement_timeout": "10s"})
    try:
        await connection.execute(
            """DO $$ BEGIN
                   WHILE NOT EXISTS (
                       SELECT FROM pg_stat_activity
                       WHERE datname = current_database() AND query LIKE '%commit_tokens%RETURNING token%'
                         AND wait_event_type = 'Lock' AND pid <> pg_backend_pid())
                   LOOP
                       PERFORM pg_stat_clear_snapshot(), pg_sleep(0.002);
                   END LOOP;
               END $$"""
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_transaction_that_is_still_open_on_the_server_is_waited_for(
    account: FundedAccount, proxy: Proxy, database_url: str, is_kept: bool
) -> None:
    async def late(link: Link, data: bytes) -> None:
        # The client is cut at once; the server learns the end only once it was asked about it.
        link.client.close()
        await somebody_asks_what_became_of_it(database_url)
        if is_kept:
            link.server.write(data)
            assert await link.answers.read(65_536)
        link.server.close()

    proxy.fate = late

    await account.send(1000, key="order-1")

    await check_that_one_send_happened(account)
    await account.engine.close()


async def test_a_whole_batch_is_resolved_by_one_look(account: FundedAccount, proxy: Proxy) -> None:
    await account.send(100, key="warm")
    proxy.fate = cut_after

    await asyncio.gather(*(account.send(1000, key=f"order-{number}") for number in range(5)))

    assert (await account.balance())["balance_cents"] == 1_000_000 - 100 - 5000
    assert [answer.is_replay for answer in account.kept] == [False] * 6
    assert await account.findings() == []
    await account.engine.close()


@pytest.mark.parametrize("fate", [cut_before, cut_after])
async def test_a_batch_of_updates_alone_is_kept_or_run_again(
    account: FundedAccount, proxy: Proxy, fate: Fate
) -> None:
    sent = await account.send(1000, platform="slow")
    proxy.fate = fate

    ended = await account.hand_over(sent.topup.id, seen=0)

    row = await account.database.read(
        lambda tx: tx.fetch_one("SELECT handed_over_at, checks_made FROM topups")
    )
    assert row is not None
    assert ended.attempt is not None
    assert row["handed_over_at"] is not None
    assert row["checks_made"] == 1


@pytest.mark.parametrize("fate", [cut_before, cut_after])
async def test_an_approval_whose_answer_was_lost_is_there(
    account: FundedAccount, proxy: Proxy, fate: Fate
) -> None:
    sent = await account.send(1000, to="approval@sandbox.test", platform="slow")
    assert sent.approval is not None
    proxy.fate = fate

    await account.decide(sent.topup.id, sent.approval.id, "approved")

    row = await account.database.read(lambda tx: tx.fetch_one("SELECT status FROM approvals"))
    assert row is not None
    assert row["status"] == "approved"


async def test_a_lost_answer_to_any_commit_is_found_out(
    account: FundedAccount, proxy: Proxy, behind: Database
) -> None:
    proxy.fate = cut_after
    runs = 0

    async def work(tx: Transaction) -> int:
        nonlocal runs
        runs += 1
        return await tx.execute("UPDATE accounts SET name = :name", name="Changed")

    assert await behind.transaction(work) == 1
    assert runs == 1


async def test_what_is_not_durable_is_not_found_out(behind: Database, proxy: Proxy) -> None:
    proxy.fate = cut_after
    runs = 0

    async def work(tx: Transaction) -> int:
        nonlocal runs
        runs += 1
        return await tx.execute("UPDATE accounts SET name = :name", name="Changed")

    with pytest.raises(CommitUnknown):
        await behind.transaction(work, durable=False)

    assert runs == 1
