"""A batch leaves memory once it is answered: nothing of it waits for the garbage collector.

A gateway collects after 20,000 new objects, so a cycle of references kept the rows of many batches in
memory [28 MB with 256 connections over 1,000 wallets].
"""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace

import pytest

from billing.engine.batch_state import BatchState, ReadSet
from billing.topups.platform import InvalidPlatform
from kernel.clock import FixedClock
from kernel.errors import NotFound
from keys.caps import CapExceeded
from store.database import Database, Transaction
from tests.support.funded_account import (
    SLOW,
    FundedAccount,
    mint_key,
    open_engine,
    open_funded_account,
)
from tests.support.platform_book import same_everywhere
from tests.support.usage import capture, hold, use


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def batches_in_memory() -> list[str]:
    return [type(one).__name__ for one in gc.get_objects() if isinstance(one, BatchState | ReadSet)]


@pytest.fixture
async def account(database: Database, clock: FixedClock) -> FundedAccount:
    """Its key has spent 79 of the 100 dollars that it may spend in a day: one dollar more is told."""
    found = await open_funded_account(database, clock)
    found.principal = await mint_key(
        database, clock, found.account_id, "staging", parent=found.principal, per_day_cents=10_000
    )
    await found.send(7_900)
    return found


async def test_sends_that_are_told_of_leave_nothing(account: FundedAccount) -> None:
    with without_collector():
        await asyncio.gather(*(account.send(100, key=f"k{number}") for number in range(10)))
        left = batches_in_memory()

    assert left == []


async def test_usage_and_holds_leave_nothing(account: FundedAccount) -> None:
    with without_collector():
        held = await hold(account, 5)
        await capture(account, held.hold.id, 2)
        await use(account, 700)
        left = batches_in_memory()

    assert left == []


async def test_a_refusal_leaves_nothing(account: FundedAccount) -> None:
    with without_collector():
        with pytest.raises(CapExceeded):
            await account.send(50_000)
        left = batches_in_memory()

    assert left == []


class _Request:
    """What the frames of a call hold."""


@pytest.mark.parametrize("is_short", [False, True])
async def test_a_refusal_in_a_transaction_leaves_nothing(
    database: Database, *, is_short: bool
) -> None:
    is_gone = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def refused() -> None:
        request = _Request()
        weakref.finalize(request, loop.call_soon_threadsafe, is_gone.set)

        async def work(_tx: Transaction) -> None:
            raise NotFound(repr(request))

        with contextlib.suppress(NotFound):
            await database.transaction(work, is_short=is_short)

    with without_collector():
        await refused()

        async with asyncio.timeout(5):
            # A thread of SQLite's lets go of it a moment after it has answered.
            await is_gone.wait()


async def test_a_refusal_that_came_of_another_one_leaves_nothing(
    database: Database, clock: FixedClock
) -> None:
    asking = await open_funded_account(database, clock, approval_threshold_cents=500)
    sent = await asking.send(1000)
    assert sent.approval is not None
    rules = replace(asking.rules, platforms=same_everywhere([SLOW]))
    account = replace(asking, engine=open_engine(database, clock, rules))

    with without_collector():
        with pytest.raises(InvalidPlatform):
            await account.decide(sent.topup.id, sent.approval.id, "approved")
        left = batches_in_memory()

    assert left == []
    await account.engine.close()
