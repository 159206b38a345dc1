"""Connections that swallow everything, as after a failover that nobody told of: one that does not
answer in time ends them all, and new ones serve.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from billing.engine.engine import Engine
from kernel.clock import FixedClock
from store.database import Database, Store, Transaction
from store.postgresql.database import PostgresqlDatabase
from tests.support.database_proxy import Proxy, proxied
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.stalled_statement import held_by_stalled

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

# What the limit is does not matter to what happens at its end.
ANSWER_S = 1.0


@pytest_asyncio.fixture
async def doors(database_url: str) -> AsyncIterator[tuple[Proxy, PostgresqlDatabase]]:
    """A proxy, and the database behind it."""
    async with proxied(database_url) as (proxy, url):
        opened = PostgresqlDatabase(url, short_answer_s=ANSWER_S)
        yield proxy, opened
        await opened.close()


async def one(tx: Transaction) -> int:
    row = await tx.fetch_one("SELECT 1 AS one")
    assert row is not None
    return int(row["one"])


async def test_one_silent_connection_ends_all_of_them_at_once(
    doors: tuple[Proxy, PostgresqlDatabase],
) -> None:
    proxy, database = doors
    engine = database.reserve(2)
    views = (database, engine, database.reserve(1))
    # Connections of every pool, several of each.
    await asyncio.gather(*(view.read(one) for view in views for _ in range(4)))
    await asyncio.gather(*(database.autocommit(one) for _ in range(4)))
    assert proxy.silence() >= 7
    began_s = time.monotonic()

    # The slow ones, which may take half a minute, wait no longer than the short one's limit.
    found = await asyncio.gather(
        engine.transaction(one), database.read(one), *(database.read(one) for _ in range(8))
    )

    assert set(found) == {1}
    assert time.monotonic() - began_s < 15.0
    assert await database.autocommit(one) == 1


async def test_sends_are_answered_once_the_silence_is_found_out(
    database: Database, doors: tuple[Proxy, PostgresqlDatabase], clock: FixedClock
) -> None:
    proxy, behind = doors
    account = await open_funded_account(database, clock)
    account.engine = Engine(behind, clock, account.engine.rules, connections=behind.reserve(4))
    await account.send(100)
    proxy.silence()
    began_s = time.monotonic()

    await asyncio.gather(*(account.send(100) for _ in range(20)))

    assert time.monotonic() - began_s < 15.0
    assert (await account.balance())["balance_cents"] == 1_000_000 - 2100
    assert await account.findings() == []
    await account.engine.close()


async def test_pages_that_hold_every_connection_do_not_keep_a_send_waiting(
    database: Database, doors: tuple[Proxy, PostgresqlDatabase], clock: FixedClock
) -> None:
    _, behind = doors
    account: FundedAccount = await open_funded_account(database, clock)
    account.engine = Engine(behind, clock, account.engine.rules, connections=behind.reserve(4))
    await account.send(100)
    is_over = asyncio.Event()

    async def slow(_tx: Transaction) -> None:
        await is_over.wait()

    pages = [asyncio.ensure_future(behind.read(slow)) for _ in range(8)]
    await asyncio.sleep(0)

    async with asyncio.timeout(20):
        await account.send(100)
        assert await behind.reserve(1).read(one) == 1

    is_over.set()
    await asyncio.gather(*pages)
    await account.engine.close()


@pytest.mark.long
async def test_a_statement_whose_end_never_comes_holds_its_locks_for_seconds_only(
    database: Database, database_url: str
) -> None:
    async with held_by_stalled(database, database_url) as write:
        assert await cast(Store, database).end_stalled() >= 1

        assert await write(1.0) == 1
