"""The feed: who streams is told soon, and the database is asked once for all of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from kernel.errors import Unavailable
from kernel.tenant import Tenant
from store.database import Database
from store.open import open_database
from tests.support.webhook_rows import given_account, given_events
from webhooks.events.event import HINT
from webhooks.events.feed import STREAMS_PER_HOLDER, STREAMS_PER_TENANT, Feed, TooManyStreams

# Longer than any test: what is heard in time was not found by chance.
NEVER_S = 600.0
DEADLINE_S = 20.0


@pytest_asyncio.fixture
async def feed(database: Database) -> AsyncIterator[Feed]:
    opened = Feed(database, look_s=NEVER_S)
    yield opened
    await opened.aclose()


async def given_tenant(database: Database, clock: FixedClock) -> Tenant:
    return Tenant(await given_account(database, clock), "staging")


async def test_a_hint_of_this_process_is_passed_on_to_the_tenant_it_concerns(
    database_url: str, clock: FixedClock
) -> None:
    heard: list[str] = []

    def listen(name: str) -> None:
        heard.append(name)
        ear.on_hint(name)

    database = open_database(database_url, on_hint=listen)
    ear = Feed(database, look_s=NEVER_S)
    mine, other = await given_tenant(database, clock), await given_tenant(database, clock)
    with ear.subscribe(mine, "key_1") as subscription, ear.subscribe(other, "key_2") as deaf:
        assert not await subscription.wait_beyond(0, timeout_s=0.01)
        await given_events(database, clock, mine, count=2)
        is_told = await subscription.wait_beyond(0, timeout_s=DEADLINE_S)
        is_deaf_told = await deaf.wait_beyond(0, timeout_s=0.01)
        has_more = await subscription.wait_beyond(2, timeout_s=0.01)
    await ear.aclose()
    await database.close()

    assert heard == [HINT]
    assert (is_told, is_deaf_told, has_more) == (True, False, False)


async def test_an_event_of_another_process_is_found_by_the_next_look(
    database: Database, clock: FixedClock
) -> None:
    feed = Feed(database, look_s=0.02)
    tenant = await given_tenant(database, clock)
    with feed.subscribe(tenant, "key_1") as subscription:
        await given_events(database, clock, tenant)  # this database passes no hints on
        is_told = await subscription.wait_beyond(0, timeout_s=DEADLINE_S)
    await feed.aclose()

    assert is_told


async def test_a_look_costs_the_same_for_one_stream_and_for_many(
    database: Database, clock: FixedClock, feed: Feed
) -> None:
    tenants = [await given_tenant(database, clock) for _ in range(4)]
    with contextlib.ExitStack() as stack:
        for number in range(40):
            stack.enter_context(feed.subscribe(tenants[number % 4], f"key_{number}"))
        await _until_looks(feed, 1)
        # The fixtures' own statements are over; what follows is the feed's.
        statements_before, looks_before = database.statements_run, feed.looks
        feed.on_hint(HINT)
        await _until_looks(feed, looks_before + 1)
        await feed.aclose()

    looks = feed.looks - looks_before
    # BEGIN, one SELECT, the end.
    assert database.statements_run - statements_before == 3 * looks


async def test_without_a_stream_nothing_is_asked(database: Database, clock: FixedClock) -> None:
    feed = Feed(database, look_s=0.001)
    tenant = await given_tenant(database, clock)
    with feed.subscribe(tenant, "key_1"):
        await _until_looks(feed, 2)
    watcher = feed._watcher
    assert watcher is not None
    async with asyncio.timeout(DEADLINE_S):
        await watcher
    looks = feed.looks

    feed.on_hint(HINT)
    await asyncio.sleep(0.02)

    assert feed.looks == looks


async def test_a_credential_and_an_account_hold_so_many_streams_and_no_more(
    database: Database, clock: FixedClock, feed: Feed
) -> None:
    tenant, other = await given_tenant(database, clock), await given_tenant(database, clock)
    with contextlib.ExitStack() as stack:
        for _ in range(STREAMS_PER_HOLDER):
            stack.enter_context(feed.subscribe(tenant, "key_1"))
        with pytest.raises(TooManyStreams, match="This credential already has 5 open"):
            feed.subscribe(tenant, "key_1")
        for number in range(STREAMS_PER_TENANT - STREAMS_PER_HOLDER):
            stack.enter_context(feed.subscribe(tenant, f"key_2_{number}"))
        with pytest.raises(TooManyStreams, match="This account already has 20 open"):
            feed.subscribe(tenant, "key_3")
        stack.enter_context(feed.subscribe(other, "key_4"))

    with feed.subscribe(tenant, "key_1"):
        pass  # the places were given back


async def test_closing_ends_every_stream_and_admits_no_other(
    database: Database, clock: FixedClock, feed: Feed
) -> None:
    tenant = await given_tenant(database, clock)
    with feed.subscribe(tenant, "key_1") as subscription:
        waiting = asyncio.create_task(subscription.wait_beyond(0, timeout_s=NEVER_S))
        await asyncio.sleep(0)

        feed.close()

        assert not await asyncio.wait_for(waiting, DEADLINE_S)
        assert subscription.is_ended
    with pytest.raises(Unavailable):
        feed.subscribe(tenant, "key_1")


async def _until_looks(feed: Feed, count: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if feed.looks >= count:
                return
            await asyncio.sleep(0.001)
