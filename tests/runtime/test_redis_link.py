"""The link: whatever state Redis is in, callers go on."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.embedded_redis import find_server
from runtime.redis_link import RedisAway, RedisLink
from tests.support.embedded_redis import EmbeddedRedis
from tests.support.redis_server import until_back


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    started = EmbeddedRedis(find_server() or "", tmp_path)
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def link(server: EmbeddedRedis) -> AsyncIterator[RedisLink]:
    # Its own fiftieth of a second is for callers, who then go on without; a busy machine takes longer.
    opened = RedisLink(server.url, timeout_s=1.0)
    yield opened
    await opened.aclose()


async def test_a_call_returns_what_redis_answered(link: RedisLink) -> None:
    assert await link.call(lambda redis: redis.incr("n")) == 1
    assert link.is_up


async def test_after_one_failure_nobody_else_waits_for_a_stopped_redis(
    server: EmbeddedRedis, link: RedisLink
) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(RedisAway):
        await link.call(lambda redis: redis.incr("n"))

    asked = 0
    for _ in range(10_000):
        with pytest.raises(RedisAway):
            # Refused before anything is awaited: the coroutine ends in its first step.
            link.call(lambda redis: redis.incr("n")).send(None)
        asked += 1

    assert asked == 10_000
    assert not link.is_up
    os.kill(server.pid, signal.SIGCONT)


async def test_a_redis_that_continues_is_used_again(server: EmbeddedRedis, link: RedisLink) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(RedisAway):
        await link.call(lambda redis: redis.incr("n"))

    os.kill(server.pid, signal.SIGCONT)
    await until_back(link)

    assert await link.call(lambda redis: redis.incr("m")) == 1


async def test_a_redis_that_starts_later_is_found(tmp_path: Path) -> None:
    server = EmbeddedRedis(find_server() or "", tmp_path)
    link = RedisLink(server.url, timeout_s=10)
    with pytest.raises(RedisAway):
        await link.call(lambda redis: redis.incr("n"))

    await server.start()
    await until_back(link)

    assert await link.call(lambda redis: redis.incr("n")) == 1
    await link.aclose()
    await server.stop()


async def test_a_restarted_redis_is_used_again(server: EmbeddedRedis, link: RedisLink) -> None:
    await link.call(lambda redis: redis.incr("n"))
    await server.stop()
    await server.start()

    # The old connection is noticed as closed before it is used, or costs one refusal.
    try:
        count = await link.call(lambda redis: redis.incr("n"))
    except RedisAway:
        await until_back(link)
        count = await link.call(lambda redis: redis.incr("n"))

    assert count == 1


async def test_closing_does_not_wait_for_a_stopped_redis(server: EmbeddedRedis) -> None:
    link = RedisLink(server.url)
    # Its first call may be late where the machine is busy.
    with contextlib.suppress(RedisAway):
        await link.call(lambda redis: redis.incr("n"))
    await until_back(link)
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(RedisAway):
        await link.call(lambda redis: redis.incr("n"))

    async with asyncio.timeout(5):
        await link.aclose()

    os.kill(server.pid, signal.SIGCONT)


async def test_many_callers_share_few_connections(server: EmbeddedRedis) -> None:
    link = RedisLink(server.url, timeout_s=10)

    counts = await asyncio.gather(*[link.call(lambda r: r.incr("n")) for _ in range(500)])

    assert sorted(counts) == list(range(1, 501))
    clients = await link.call(lambda redis: redis.client_list())
    assert len(clients) <= 16
    await link.aclose()


async def test_a_kept_connection_asks_one_command_after_the_other(link: RedisLink) -> None:
    kept = link.connect()

    counts = await asyncio.gather(*[link.execute(kept, "INCR", "n") for _ in range(100)])

    assert counts == list(range(1, 101))
    assert len(await link.call(lambda redis: redis.client_list())) == 2


async def test_a_kept_connection_that_has_ended_is_opened_anew(
    server: EmbeddedRedis, link: RedisLink
) -> None:
    kept = link.connect()
    assert await link.execute(kept, "INCR", "n") == 1
    await server.stop()
    await server.start()

    assert await link.execute(kept, "INCR", "n") == 1
    assert link.is_up


async def test_a_kept_connection_that_redis_ends_as_it_is_asked_asks_again(link: RedisLink) -> None:
    kept = link.connect()
    number = str(await link.execute(kept, "CLIENT", "ID"))
    await link.call(lambda redis: redis.client_kill_filter(_id=number))

    assert await link.execute(kept, "ECHO", "here") == b"here"
    assert link.is_up


async def test_an_answer_that_came_too_late_answers_nothing_else(
    server: EmbeddedRedis, link: RedisLink
) -> None:
    kept = link.connect()
    assert await link.execute(kept, "ECHO", "first") == b"first"
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(RedisAway):
        await link.execute(kept, "ECHO", "late")

    os.kill(server.pid, signal.SIGCONT)
    await until_back(link)

    assert await link.execute(kept, "ECHO", "next") == b"next"
