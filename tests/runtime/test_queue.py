"""The sending side: hints are merged, never lost to a race, and never cost a caller any time."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest_asyncio
from redis.asyncio import Redis

from kernel.clock import FixedClock, SystemClock
from runtime.embedded_redis import find_server
from runtime.redis_link import QUEUE_NAME, Queue, RedisLink
from tests.support.embedded_redis import EmbeddedRedis

NOON_US = 1_781_352_000_000_000
NOON_MS = 1_781_352_000_000


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    started = EmbeddedRedis(find_server() or "", tmp_path)
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def redis(server: EmbeddedRedis) -> AsyncIterator[Redis]:
    client = Redis.from_url(server.url)
    yield client
    await client.aclose()


@pytest_asyncio.fixture
async def link(server: EmbeddedRedis) -> AsyncIterator[RedisLink]:
    # Patient, so that a busy machine is not taken for an absent Redis.
    opened = RedisLink(server.url, timeout_s=10)
    yield opened
    await opened.aclose()


async def queued(redis: Redis) -> dict[str, float]:
    """Job ids with their due times in milliseconds."""
    return {
        id_.decode(): score for id_, score in await redis.zrange(QUEUE_NAME, 0, -1, withscores=True)
    }


async def evals(redis: Redis) -> int:
    statistics = await redis.info("commandstats")
    return int(statistics["cmdstat_eval"]["calls"])


async def test_a_thousand_wakes_at_once_are_one_job_and_one_round_trip(
    redis: Redis, link: RedisLink
) -> None:
    queue = Queue(link, FixedClock(NOON_US))

    for _ in range(1000):
        queue.wake_soon()
    await queue.aclose()

    assert await queued(redis) == {"wake:now:0": NOON_MS}
    assert await evals(redis) == 1


async def test_wakes_that_nobody_reads_do_not_pile_up(redis: Redis, link: RedisLink) -> None:
    queue = Queue(link, FixedClock(NOON_US))

    for _ in range(20):
        await queue.wake()
        await queue.aclose()

    assert await queued(redis) == {"wake:now:0": NOON_MS}


async def test_a_wake_during_a_running_wake_is_a_job_of_its_own(
    redis: Redis, link: RedisLink
) -> None:
    queue = Queue(link, FixedClock(NOON_US))
    queue.wake_soon()
    await queue.aclose()
    # What ARQ writes when it starts the job; its look may be over already.
    await redis.set("arq:in-progress:wake:now:0", "1")

    queue.wake_soon()
    await queue.aclose()

    assert sorted(await queued(redis)) == ["wake:now:0", "wake:now:1"]


async def test_later_wakes_are_one_job_for_each_slot_of_20_ms(
    redis: Redis, link: RedisLink
) -> None:
    queue = Queue(link, FixedClock(NOON_US))

    for later_us in (5_000_001, 5_010_000, 5_020_000, 5_020_001):
        queue.wake_at(NOON_US + later_us)
    await queue.aclose()
    queue.wake_at(NOON_US + 5_015_000)
    await queue.aclose()

    # The slot's end, so that all that belongs to it is due then, and ARQ's half millisecond.
    assert await queued(redis) == {
        "wake:89067600251": NOON_MS + 5021,
        "wake:89067600252": NOON_MS + 5041,
    }
    assert await evals(redis) == 1


async def test_two_processes_share_the_slots(redis: Redis, link: RedisLink) -> None:
    for _ in range(2):
        queue = Queue(link, FixedClock(NOON_US))
        queue.wake_at(NOON_US + 5_000_000)
        await queue.aclose()

    assert await queued(redis) == {"wake:89067600250": NOON_MS + 5001}


async def test_a_wake_for_a_time_that_has_passed_is_a_wake_now(
    redis: Redis, link: RedisLink
) -> None:
    queue = Queue(link, FixedClock(NOON_US))

    queue.wake_at(NOON_US)
    await queue.aclose()

    assert await queued(redis) == {"wake:now:0": NOON_MS}


async def test_a_hint_in_the_queue_is_json(redis: Redis, link: RedisLink) -> None:
    queue = Queue(link, FixedClock(NOON_US))

    queue.wake_at(NOON_US + 5_000_000)
    await queue.aclose()

    body = await redis.get("arq:job:wake:89067600250")
    assert msgspec.json.decode(body or b"") == {
        "t": None,
        "f": "wake",
        "a": [],
        "k": {},
        "et": NOON_MS,
    }
    # An hour past its due time.
    assert 3_595_000 < await redis.pttl("arq:job:wake:89067600250") <= 3_605_001


async def test_without_redis_a_wake_is_not_felt(tmp_path: Path) -> None:
    link = RedisLink(f"unix://{tmp_path}/nothing.sock")
    queue = Queue(link, SystemClock())

    # Nothing to await: each of these ends in its first step.
    for _ in range(1000):
        queue.wake_soon()
        queue.wake_at(SystemClock().now_us() + 1_000_000)
    await queue.aclose()
    await link.aclose()


async def test_a_wake_that_met_a_stopped_redis_goes_out_when_it_is_back(
    server: EmbeddedRedis, redis: Redis
) -> None:
    # Longer than a Redis that runs takes where the machine is busy; the stopped one is waited for so long.
    link = RedisLink(server.url, timeout_s=0.5)
    queue = Queue(link, SystemClock())
    queue.wake_at(SystemClock().now_us() + 60_000_000)
    await queue.aclose()
    assert link.is_up
    os.kill(server.pid, signal.SIGSTOP)
    queue.wake_soon()
    await queue.aclose()
    assert not link.is_up

    os.kill(server.pid, signal.SIGCONT)

    async with asyncio.timeout(10):
        while not [id_ for id_ in await queued(redis) if id_.startswith("wake:now:")]:  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.01)
    await queue.aclose()
    await link.aclose()
