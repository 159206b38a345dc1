"""The worker: prompt without polling, and indifferent to what becomes of Redis."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest_asyncio
from arq.connections import ArqRedis
from arq.cron import cron
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from kernel.clock import SystemClock
from runtime.embedded_redis import find_server
from runtime.redis_link import JOBS, QUEUE_NAME, Queue, RedisLink, to_json, wake_channel
from runtime.woken_worker import WokenWorker
from tests.support.embedded_redis import EmbeddedRedis

PATIENCE_S = 20


def arq_client(server: EmbeddedRedis) -> ArqRedis:
    pool = ConnectionPool.from_url(server.url, socket_timeout=1)
    opened = ArqRedis(pool, job_serializer=to_json, default_queue_name=QUEUE_NAME)
    opened.auto_close_connection_pool = True
    return opened


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    started = EmbeddedRedis(find_server() or "", tmp_path)
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def jobs(server: EmbeddedRedis) -> AsyncIterator[ArqRedis]:
    """What queues a job that is no hint: nothing of ours does, so it is ARQ's own client."""
    async with arq_client(server) as opened:
        yield opened


@pytest_asyncio.fixture
async def queue(server: EmbeddedRedis) -> AsyncIterator[Queue]:
    link = RedisLink(server.url, timeout_s=1)
    opened = Queue(link, SystemClock())
    yield opened
    await opened.aclose()
    await link.aclose()


class RunningWorker:
    """A running worker with the jobs `note`, which records its argument, `hold`, `fail` and `wake`."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.noted: list[Any] = []
        self.wakes = 0
        self.heard: list[str] = []
        self.happened = asyncio.Event()
        self.release = asyncio.Event()
        self.holding = 0
        self.worker = WokenWorker(
            [self._named(job) for job in (self.note, self.hold, self.fail, self.wake)],
            url=url,
            on_wake=self._on_wake,
            handle_signals=False,
            **settings,
        )
        self.task = asyncio.create_task(self.worker.serve())

    @staticmethod
    def _named(method: Callable[..., Any]) -> Callable[..., Any]:
        async def job(*args: Any) -> None:
            await method(*args)

        job.__qualname__ = method.__name__
        return job

    def _on_wake(self, names: Sequence[str]) -> None:
        self.wakes += 1
        self.heard += names
        self.happened.set()

    async def note(self, _ctx: dict[str, Any], value: Any) -> None:
        self.noted.append(value)
        self.happened.set()

    async def hold(self, _ctx: dict[str, Any]) -> None:
        self.holding += 1
        self.happened.set()
        await self.release.wait()

    async def fail(self, _ctx: dict[str, Any]) -> None:
        raise ValueError("as asked")

    async def wake(self, _ctx: dict[str, Any]) -> None:
        self.noted.append("wake")
        self.happened.set()

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not fact():
                self.happened.clear()
                await self.happened.wait()

    async def end(self) -> None:
        self.worker.stop()
        await self.task


async def put(jobs: ArqRedis, *args: Any, job_id: str | None = None) -> None:
    """Queues a job, and says so to the workers as our own queue does."""
    await jobs.enqueue_job(*args, _job_id=job_id)
    await jobs.publish(wake_channel(QUEUE_NAME), JOBS)


async def enqueue_until_taken(jobs: ArqRedis, *args: Any, job_id: str) -> None:
    """Past an outage: Redis may need a moment to be back."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await put(jobs, *args, job_id=job_id)
            except RedisError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_hint_for_later_is_acted_on_when_it_is_due_and_not_before(
    server: EmbeddedRedis, queue: Queue
) -> None:
    running = RunningWorker(server.url)
    await running.until(lambda: running.wakes > 0)
    late_us = []

    for number in range(1, 11):
        due_us = SystemClock().now_us() + 100_000
        queue.wake_at(due_us)
        await running.until(lambda number=number: len(running.noted) == number)  # type: ignore[misc]
        late_us.append(SystemClock().now_us() - due_us)

    assert min(late_us) >= 0
    # At beats the ten would have been late by 4 s together.
    assert sum(late_us) < 2_500_000
    await running.end()


async def test_a_full_worker_takes_the_next_job_when_one_ends(
    server: EmbeddedRedis, jobs: ArqRedis
) -> None:
    for number in range(20):
        await put(jobs, "note", number)
    started_s = time.monotonic()

    running = RunningWorker(server.url, max_jobs=1)
    await running.until(lambda: len(running.noted) == 20)

    # One for each beat would have taken 18 s.
    assert time.monotonic() - started_s < 6
    await running.end()


async def test_a_running_job_is_no_reason_to_look_without_end(
    server: EmbeddedRedis, jobs: ArqRedis
) -> None:
    running = RunningWorker(server.url)
    await put(jobs, "hold")
    await running.until(lambda: running.holding == 1)
    client = Redis.from_url(server.url)
    before = (await client.info("commandstats"))["cmdstat_zrangebyscore"]["calls"]

    # Real time passes on purpose: a busy loop would look a thousand times in it.
    await asyncio.sleep(0.5)

    after = (await client.info("commandstats"))["cmdstat_zrangebyscore"]["calls"]
    assert after - before < 20
    running.release.set()
    await client.aclose()
    await running.end()


async def test_a_hint_is_heard_even_by_a_full_worker(
    server: EmbeddedRedis, jobs: ArqRedis, queue: Queue
) -> None:
    running = RunningWorker(server.url, max_jobs=1)
    await put(jobs, "hold")
    await running.until(lambda: running.holding == 1)
    heard = running.wakes

    queue.wake_soon()

    await running.until(lambda: running.wakes > heard)
    running.release.set()
    await running.end()


async def test_every_worker_hears_a_hint(server: EmbeddedRedis, queue: Queue) -> None:
    benches = [RunningWorker(server.url) for _ in range(2)]
    for running in benches:
        await running.until(lambda running=running: running.wakes > 0)  # type: ignore[misc]
    heard = [running.wakes for running in benches]

    queue.wake_soon()

    for running, before in zip(benches, heard, strict=True):
        await running.until(lambda running=running, before=before: running.wakes > before)  # type: ignore[misc]
        await running.end()


async def test_a_heard_hint_says_its_name_and_leaves_no_job(
    server: EmbeddedRedis, queue: Queue
) -> None:
    running = RunningWorker(server.url)
    await running.until(lambda: running.wakes > 0)
    # It may have missed anything before it listened.
    assert running.heard == ["*"]

    queue.wake_soon("deliveries")
    queue.wake_soon("holds")
    await running.until(lambda: len(running.heard) >= 3)

    assert running.heard[1:] == ["deliveries", "holds"]
    async with Redis.from_url(server.url) as client:
        assert await client.exists("topup:queue", "arq:job:wake:now:0") == 0
    await running.end()


async def test_a_queued_job_is_no_hint(server: EmbeddedRedis, jobs: ArqRedis) -> None:
    running = RunningWorker(server.url)
    await running.until(lambda: running.wakes > 0)

    await put(jobs, "note", 1)
    await running.until(lambda: running.noted == [1])

    assert running.heard == ["*"]
    await running.end()


async def test_two_workers_run_each_job_once(server: EmbeddedRedis, jobs: ArqRedis) -> None:
    benches = [RunningWorker(server.url) for _ in range(2)]

    for number in range(40):
        await put(jobs, "note", number)
    for running in benches:
        running.happened = benches[0].happened
    await benches[0].until(lambda: sum(len(running.noted) for running in benches) >= 40)

    assert sorted(benches[0].noted + benches[1].noted) == list(range(40))
    for running in benches:
        await running.end()


async def test_a_failing_job_does_not_stop_the_worker(
    server: EmbeddedRedis, jobs: ArqRedis
) -> None:
    running = RunningWorker(server.url)
    await put(jobs, "fail")
    await put(jobs, "unknown_function")

    await put(jobs, "note", "after")

    await running.until(lambda: running.noted == ["after"])
    await running.end()


async def test_cron_jobs_run(server: EmbeddedRedis) -> None:
    ticked = asyncio.Event()

    async def tick(_ctx: dict[str, Any]) -> None:
        ticked.set()

    running = RunningWorker(
        server.url, cron_jobs=[cron(cast(Any, tick), second=None, microsecond=0)]
    )

    async with asyncio.timeout(PATIENCE_S):
        await ticked.wait()
        ticked.clear()
        await ticked.wait()
    await running.end()


async def test_a_worker_starts_without_redis_and_works_once_it_is_there(tmp_path: Path) -> None:
    server = EmbeddedRedis(find_server() or "", tmp_path)
    started = asyncio.Event()

    async def on_startup(_ctx: dict[Any, Any]) -> None:
        started.set()

    running = RunningWorker(server.url, on_startup=on_startup)
    async with asyncio.timeout(PATIENCE_S):
        await started.wait()
    await server.start()
    async with arq_client(server) as jobs:
        await enqueue_until_taken(jobs, "note", 1, job_id="1")

    await running.until(lambda: running.noted == [1])
    await running.end()
    await server.stop()


async def test_a_worker_outlives_restarts_of_redis_with_all_its_turns(
    server: EmbeddedRedis, jobs: ArqRedis
) -> None:
    running = RunningWorker(server.url, max_jobs=2)

    for number in range(4):
        heard = running.wakes
        # Jobs are on their way while it dies, so that a turn is taken and never used.
        await asyncio.gather(*[put(jobs, "note", -1) for _ in range(20)])
        os.kill(server.pid, signal.SIGKILL)
        await server.stop()
        await server.start()
        await enqueue_until_taken(jobs, "note", number, job_id=f"n{number}")
        await running.until(lambda number=number: number in running.noted)  # type: ignore[misc]
        await running.until(lambda heard=heard: running.wakes > heard)  # type: ignore[misc]

    for number in (10, 11):
        await enqueue_until_taken(jobs, "hold", job_id=f"h{number}")
    # Two turns had it, and two it still has.
    await running.until(lambda: running.holding == 2)
    running.release.set()
    await running.end()


async def test_a_stopped_redis_is_waited_for(server: EmbeddedRedis, jobs: ArqRedis) -> None:
    running = RunningWorker(server.url)
    await running.until(lambda: running.wakes > 0)
    os.kill(server.pid, signal.SIGSTOP)
    with suppress(RedisError):
        await put(jobs, "note", "lost")

    os.kill(server.pid, signal.SIGCONT)
    await enqueue_until_taken(jobs, "note", "after", job_id="after")

    await running.until(lambda: "after" in running.noted)
    await running.end()


async def test_the_end_needs_no_redis(server: EmbeddedRedis) -> None:
    ended = asyncio.Event()

    async def on_shutdown(_ctx: dict[Any, Any]) -> None:
        ended.set()

    running = RunningWorker(server.url, on_shutdown=on_shutdown)
    await running.until(lambda: running.wakes > 0)
    await server.stop()

    async with asyncio.timeout(PATIENCE_S):
        await running.end()

    assert ended.is_set()


async def test_jobs_in_flight_are_finished_on_request(
    server: EmbeddedRedis, jobs: ArqRedis
) -> None:
    running = RunningWorker(server.url, job_completion_wait=PATIENCE_S)
    await put(jobs, "hold")
    await running.until(lambda: running.holding == 1)

    running.worker.stop()
    await put(jobs, "note", "not any more")
    running.release.set()
    await running.task

    assert running.worker.jobs_complete == 1
    assert running.noted == []
