"""Run jobs from the Redis queue. The worker sleeps until there is work, and works without Redis, too."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Sequence
from typing import Any, cast

from arq.connections import ArqRedis
from arq.utils import timestamp_ms
from arq.worker import Function, Worker
from redis.exceptions import RedisError

from runtime.redis_link import (
    JOBS,
    QUEUE_NAME,
    RETRY_S,
    RedisState,
    from_json,
    listen,
    to_json,
    wake_channel,
)
from runtime.setting_forms.redis_url import close_pool, connection_pool
from store.database import ANYTHING

# ARQ queues cron jobs up to 1 s before they are due. With a longer polling interval, they would start late.
BEAT_S = 0.9
# A worker waits at most this long for a check of the queue, or for its last calls to Redis.
LOOK_TIMEOUT_S = 5.0
COMPLETION_WAIT_S = 10
# ARQ reads only this many due jobs, including running ones. So this limits the running jobs of all workers together.
QUEUE_READ_MAX = 1000
PART = "queue"


logger = logging.getLogger(__name__)


class WokenWorker(Worker):
    """An ARQ worker that sleeps until a hint arrives, a job is due, or one polling interval has passed.

    `on_wake` gets the names of hints. After each reconnection, it gets ANYTHING, because a hint may have been
    missed. `on_wake` must not block. on_startup and on_shutdown always run.
    """

    def __init__(
        self,
        functions: Sequence[Function | Callable[..., Any]],
        *,
        url: str,
        on_wake: Callable[[Sequence[str]], None] | None = None,
        queue_name: str = QUEUE_NAME,
        state: RedisState | None = None,
        **arq_settings: Any,
    ) -> None:
        """Take the settings of arq.worker.Worker, such as cron_jobs, max_jobs or job_timeout.

        When the worker stops, running jobs have job_completion_wait seconds to finish. A job that is cancelled
        while it calls Redis can run again only after job_timeout + 10 s.
        """
        pool = connection_pool(url)
        arq_settings.setdefault("queue_read_limit", QUEUE_READ_MAX)
        arq_settings.setdefault("job_completion_wait", COMPLETION_WAIT_S)
        super().__init__(
            cast(Any, functions),
            redis_pool=ArqRedis(
                cast(Any, pool),
                job_serializer=to_json,
                job_deserializer=from_json,
                default_queue_name=queue_name,
            ),
            queue_name=queue_name,
            poll_delay=0,
            keep_result=0,
            log_results=False,
            job_serializer=to_json,
            job_deserializer=from_json,
            **arq_settings,
        )
        # If Redis fails while a job starts, ARQ never frees the job's slot. So the running tasks are counted
        # instead (job_counter), and ARQ's semaphore never blocks.
        self.sem = cast(asyncio.BoundedSemaphore, asyncio.Semaphore(2**31))
        self._arq_pool = pool
        self._url = url
        self._on_wake = on_wake
        self._woken = asyncio.Event()
        self._state = state or RedisState()
        self._is_ending = False

    @property
    def job_counter(self) -> int:
        return sum(not task.done() for task in self.tasks.values())

    @job_counter.setter
    def job_counter(self, _count: int) -> None:
        """Ignore the count that ARQ sets."""

    async def serve(self) -> None:
        """Work until a signal arrives or stop() is called. Then close."""
        try:
            await self.async_run()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        finally:
            await self.close()

    async def main(self) -> None:
        self.ctx["redis"] = self.pool
        if self.on_startup:
            await self.on_startup(self.ctx)
        channel = wake_channel(self.queue_name)
        listener = self.loop.create_task(listen(self._url, channel, self._heard))
        looking = self.loop.create_task(self._poll_until_ended())
        try:
            # Neither task ends normally. If one fails, the process must not continue without it.
            done, _ = await asyncio.wait((looking, listener), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            # A check that has begun isn't cancelled. If a redis-py pipeline is cancelled while it closes, its
            # connection is never returned.
            self._is_ending = True
            self._woken.set()
            listener.cancel()
            await asyncio.gather(looking, listener, return_exceptions=True)

    def stop(self) -> None:
        """Do what SIGTERM does: take no more jobs, finish the running ones, then end serve()."""
        self.handle_sig_wait_for_completion(signal.SIGTERM)

    async def close(self) -> None:
        """Cancel running jobs, run on_shutdown, and close all connections. Redis may be unreachable."""
        if not self._handle_signals:
            self.handle_sig(signal.SIGUSR1)
        if self.tasks:
            # Each running job makes a last call to Redis, which might not respond.
            await asyncio.wait(self.tasks.values(), timeout=LOOK_TIMEOUT_S)
        if self.on_shutdown:
            await self.on_shutdown(self.ctx)
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(1):
                await self.pool.delete(self.health_check_key)
        with contextlib.suppress(RedisError, OSError):
            await close_pool(self._arq_pool)

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start the jobs that aren't running in this process. ARQ would check a running job with three calls to
        Redis.
        """
        await super().start_jobs([id_ for id_ in job_ids if not self._is_running(id_.decode())])

    def _is_running(self, job_id: str) -> bool:
        task = self.tasks.get(job_id)
        return task is not None and not task.done()

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        # A worker that had no free slot takes its next job at once.
        self._woken.set()

    async def _poll_until_ended(self) -> None:
        while not self._is_ending:
            self._woken.clear()
            delay_s = await self._poll()
            # The event loop's timer is used, because a blocking command's timeout is only as precise as Redis's clock.
            timer = self.loop.call_later(delay_s, self._woken.set)
            await self._woken.wait()
            timer.cancel()

    async def _poll(self) -> float:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                # Read the time before polling, so that work that becomes due during the poll isn't missed.
                now_ms = timestamp_ms()
                await self._poll_iteration()
                delay_s = await self._next_due_s(now_ms)
        except (RedisError, OSError) as error:
            self._state.lose(PART, error)
            return RETRY_S
        except Exception:
            # If a job makes this check fail, go on, so that deliveries continue.
            logger.exception("queue.broke")
            return RETRY_S
        self._state.find(PART)
        return delay_s

    async def _next_due_s(self, now_ms: int) -> float:
        """Return the seconds until the next job is due, at most one polling interval.

        A running job stays at the beginning of the set, so only scores above now_ms matter.
        """
        rows = await self.pool.zrangebyscore(
            self.queue_name, f"({now_ms}", "+inf", start=0, num=1, withscores=True
        )
        return min(max(rows[0][1] - timestamp_ms(), 0) / 1000, BEAT_S) if rows else BEAT_S

    def _heard(self, message: str | None) -> None:
        """Handle a message. None means that listening has just begun or resumed."""
        if message is None or message == JOBS:
            self._woken.set()
        if self._on_wake is not None and message != JOBS:
            self._on_wake((ANYTHING,) if message is None else message.split())
