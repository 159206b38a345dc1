"""Somebody holds a tenant's row, as a process does that was stopped in its transaction: the others
do not wait, and the tenant itself is told in time.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from kernel.errors import Unavailable
from kernel.tenant import Tenant
from store.database import Database
from tests.support.funded_account import FundedAccount, open_funded_account

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
_HOLD = """
    SELECT 1 FROM account_environments WHERE account_id = $1 AND environment = $2 FOR UPDATE"""


@contextlib.asynccontextmanager
async def held(database_url: str, *tenants: Tenant) -> AsyncIterator[None]:
    """The tenants' rows are locked by a plain connection, in a transaction that does nothing."""
    holder = await asyncpg.connect(database_url)
    try:
        await holder.execute("BEGIN")
        for tenant in tenants:
            await holder.fetchval(_HOLD, *tenant)
        yield
    finally:
        await holder.close()


@pytest_asyncio.fixture
async def desks(database: Database, clock: FixedClock) -> AsyncIterator[list[FundedAccount]]:
    """Three tenants at one engine."""
    opened = [
        await open_funded_account(database, clock, email=f"{name}@example.com")
        for name in ("a", "b", "c")
    ]
    for account in opened[1:]:
        account.engine = opened[0].engine
    # The statements are prepared, so that what is measured is the waiting.
    await asyncio.gather(*(account.send(100) for account in opened))
    yield opened
    await opened[0].engine.close()


async def seconds(*sends: object) -> float:
    began_s = time.monotonic()
    await asyncio.gather(*sends)  # type: ignore[call-overload]
    return time.monotonic() - began_s


@on_postgresql
async def test_a_neighbour_in_the_same_batch_does_not_wait_for_a_held_tenant(
    desks: list[FundedAccount], database_url: str
) -> None:
    a, b, c = desks
    async with held(database_url, a.principal.tenant):
        stuck = asyncio.ensure_future(a.send(100))
        took_s = await seconds(b.send(100), c.send(100))
        again_s = await seconds(*(b.send(100) for _ in range(20)))
        assert not stuck.done()

    await stuck

    # Whoever waits for a row that is held is refused after five seconds.
    assert max(took_s, again_s) < 4.0
    assert (await a.balance())["balance_cents"] == 1_000_000 - 200
    assert (await b.balance())["balance_cents"] == 1_000_000 - 2200
    assert await a.findings() == []


@on_postgresql
async def test_what_comes_for_a_held_tenant_costs_the_others_no_second_wait(
    desks: list[FundedAccount], database_url: str
) -> None:
    a, b, _ = desks
    before = [await seconds(b.send(100)) for _ in range(10)]
    async with held(database_url, a.principal.tenant):
        stuck = [asyncio.ensure_future(a.send(100))]
        await b.send(100)
        waits = []
        for _ in range(10):
            stuck.append(asyncio.ensure_future(a.send(100)))
            waits.append(await seconds(b.send(100)))

    await asyncio.gather(*stuck)

    # Ten times the wait for a row would be a second.
    assert sorted(waits)[5] < sorted(before)[5] + 0.1
    assert (await a.balance())["balance_cents"] == 1_000_000 - 1200
    assert await a.findings() == []


@on_postgresql
async def test_a_held_tenant_is_refused_in_time_and_goes_on_afterwards(
    desks: list[FundedAccount], database_url: str
) -> None:
    a, b, _ = desks
    async with held(database_url, a.principal.tenant):
        began_s = time.monotonic()
        refused = await asyncio.gather(*(a.send(100) for _ in range(3)), return_exceptions=True)
        took_s = time.monotonic() - began_s
        assert await seconds(b.send(100)) < 4.0

    assert [type(one) for one in refused] == [Unavailable] * 3
    assert took_s < 9.0
    await a.send(100)
    assert (await a.balance())["balance_cents"] == 1_000_000 - 200


@on_postgresql
async def test_many_held_tenants_wait_for_themselves_alone(
    desks: list[FundedAccount], database_url: str
) -> None:
    a, b, c = desks
    async with held(database_url, a.principal.tenant, b.principal.tenant):
        stuck = [asyncio.ensure_future(account.send(100)) for account in (a, b) for _ in range(3)]
        assert await seconds(*(c.send(100) for _ in range(5))) < 2.0

    await asyncio.gather(*stuck)

    assert [(await account.balance())["balance_cents"] for account in desks] == [
        1_000_000 - 400,
        1_000_000 - 400,
        1_000_000 - 600,
    ]
    assert await a.findings() == []
