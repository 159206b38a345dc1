"""Jobs and hints through ARQ: a hint says "look now" and may be lost, for the database is the truth.

Invariant: no caller waits for Redis when it hints, and each process has at most one batch of hints
in flight. This file and worker/main.py are the only ones that know ARQ. Jobs travel as JSON, since
ARQ's default, pickle, would run whatever somebody can write into Redis.
"""

import asyncio
import contextlib
import logging
import signal
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, cast

import msgspec
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import serialize_job
from arq.utils import timestamp_ms
from arq.worker import Function, Worker
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kernel.clock import Clock
from kernel.ids import new_id
from runtime.redis_link import RETRY_S, RedisAway, RedisLink, connection_pool, listen

QUEUE_NAME = "topup:queue"
WAKE_JOB = "wake"
SLOT_US = 20_000
# While commits follow each other closely, one hint speaks for all of 5 ms: a job costs a worker
# about 450 us of CPU.
HINT_INTERVAL_S = 0.005
HINT_LIFE_MS = 3_600_000
JOB_LIFE_MS = 86_400_000
# A hint that has not started covers every later one; one that has started may already have looked.
# So a hint takes the first of these ids that is not running, which also bounds the queue when no
# worker is there to empty it.
HINT_IDS = tuple(f"{WAKE_JOB}:now:{number}" for number in range(8))
SLOTS_PENDING_MAX = 1000
SLOTS_REMEMBERED_MAX = 4096
# A worker looks at least this often: ARQ's cron jobs are queued up to 1 s ahead, so a slower beat
# would start them late.
BEAT_S = 0.9
# What is due later than this is found by the worker's beat and need not wake it.
WAKE_AHEAD_MS = 2000
# How long a worker waits for one look, or for its last words: a Redis that hangs is noticed.
LOOK_TIMEOUT_S = 5.0
COMPLETION_WAIT_S = 10
# ARQ reads only this many due jobs, running ones included: it caps the cluster's jobs in flight.
QUEUE_READ_MAX = 1000

# KEYS: queue. ARGV: channel or "", then (job key, body, life in ms, score, id) for each job. An id
# that is queued already stays as it is. Answers how many jobs were added.
_ADD_JOBS = """
local added = 0
for i = 2, #ARGV, 5 do
  if redis.call('SET', ARGV[i], ARGV[i + 1], 'PX', ARGV[i + 2], 'NX') then
    redis.call('ZADD', KEYS[1], ARGV[i + 3], ARGV[i + 4])
    added = added + 1
  end
end
if ARGV[1] ~= '' then redis.call('PUBLISH', ARGV[1], '') end
return added
"""
# KEYS: queue. ARGV: channel, job key prefix, running key prefix, body, life in ms, score, then ids.
_ADD_HINT = """
for i = 7, #ARGV do
  if redis.call('EXISTS', ARGV[3] .. ARGV[i]) == 0 then
    if redis.call('SET', ARGV[2] .. ARGV[i], ARGV[4], 'PX', ARGV[5], 'NX') then
      redis.call('ZADD', KEYS[1], ARGV[6], ARGV[i])
    end
    break
  end
end
return redis.call('PUBLISH', ARGV[1], '')
"""

logger = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder()
# name, args, due in microseconds (None is now), id, how long it may wait past its due time in milliseconds
Job = tuple[str, tuple[Any, ...], int | None, str, int]


def to_json(job: dict[str, Any]) -> bytes:
    """A job as JSON; what JSON cannot say, such as the exception of a failed job, as its repr."""
    return msgspec.json.encode(job, enc_hook=repr)


def from_json(body: bytes) -> dict[str, Any]:
    return cast(dict[str, Any], _decoder.decode(body))


def wake_channel(queue_name: str) -> str:
    """Where whoever queues a job tells all workers of that queue."""
    return f"{queue_name}:wake"


class Queue:
    """The sending side, for gateway and worker alike; wakes cost the caller no round trip."""

    def __init__(self, link: RedisLink, clock: Clock, *, queue_name: str = QUEUE_NAME) -> None:
        self._link = link
        self._clock = clock
        self._queue_name = queue_name
        self._wake_wanted = False
        self._slots_wanted: set[int] = set()
        self._slots_sent: OrderedDict[int, None] = OrderedDict()
        self._sender: asyncio.Task[None] | None = None
        link.on_return(self._start_sender)

    async def wake(self) -> None:
        """As wake_soon, for hooks that are awaited."""
        self.wake_soon()

    def wake_soon(self) -> None:
        """Have every worker look now. A hint that finds Redis away goes out when it is back."""
        self._wake_wanted = True
        self._start_sender()

    def wake_at(self, at_us: int) -> None:
        """Have every worker look once at_us has passed, within 20 ms, once for each such slot.

        The slot's end is the due time, so whatever belongs to the slot is due when the job starts.
        """
        if at_us <= self._clock.now_us():
            self.wake_soon()
            return
        slot = -(-at_us // SLOT_US)
        if slot in self._slots_sent or len(self._slots_wanted) >= SLOTS_PENDING_MAX:
            return
        self._slots_wanted.add(slot)
        self._start_sender()

    async def enqueue(
        self,
        name: str,
        *args: Any,
        defer_until_us: int | None = None,
        job_id: str | None = None,
    ) -> bool:
        """True when the job is queued or its id was queued already; False when Redis is away.

        args are JSON values: ids, not objects. The caller keeps a row that says the same, and
        somebody who looks for such rows.
        """
        job = (name, args, defer_until_us, job_id or new_id("job"), JOB_LIFE_MS)
        try:
            await self._link.call(partial(self._add_jobs, [job]))
        except RedisAway:
            return False
        return True

    async def aclose(self) -> None:
        """Wait for the hints in flight; the link belongs to whoever made it."""
        if self._sender is not None:
            await self._sender

    def _start_sender(self) -> None:
        is_wanted = self._wake_wanted or self._slots_wanted
        is_sending = self._sender is not None and not self._sender.done()
        if is_wanted and not is_sending and self._link.is_up:
            self._sender = asyncio.get_running_loop().create_task(self._send_hints())

    async def _send_hints(self) -> None:
        while self._wake_wanted or self._slots_wanted:
            is_wake, slots = self._wake_wanted, sorted(self._slots_wanted)
            self._wake_wanted = False
            self._slots_wanted.clear()
            try:
                if is_wake:
                    await self._link.call(self._add_hint)
                if slots:
                    jobs = [
                        (WAKE_JOB, (), slot * SLOT_US, f"{WAKE_JOB}:{slot}", HINT_LIFE_MS)
                        for slot in slots
                    ]
                    await self._link.call(partial(self._add_jobs, jobs))
            except RedisAway:
                # One look when Redis is back replaces whatever was lost with it, slots included.
                self._wake_wanted = True
                return
            self._remember(slots)
            await asyncio.sleep(HINT_INTERVAL_S)

    def _remember(self, slots: Sequence[int]) -> None:
        for slot in slots:
            self._slots_sent[slot] = None
        while len(self._slots_sent) > SLOTS_REMEMBERED_MAX:
            self._slots_sent.popitem(last=False)

    async def _add_hint(self, redis: Redis) -> None:
        now_ms = self._clock.now_us() // 1000
        await cast(
            Awaitable[int],
            redis.eval(
                _ADD_HINT,
                1,
                self._queue_name,
                wake_channel(self._queue_name),
                job_key_prefix,
                in_progress_key_prefix,
                cast(str, _body(WAKE_JOB, (), now_ms)),
                str(HINT_LIFE_MS),
                str(now_ms),
                *HINT_IDS,
            ),
        )

    async def _add_jobs(self, jobs: Sequence[Job], redis: Redis) -> None:
        now_ms = self._clock.now_us() // 1000
        arguments: list[Any] = [""]
        for name, args, due_us, id_, life_ms in jobs:
            # ARQ rounds its own clock to the millisecond and so starts up to half of one early.
            due_ms = now_ms if due_us is None else -(-(due_us + 500) // 1000)
            if due_ms <= now_ms + WAKE_AHEAD_MS:
                arguments[0] = wake_channel(self._queue_name)
            life_left_ms = max(due_ms - now_ms, 0) + life_ms
            body = _body(name, args, now_ms)
            arguments += [job_key_prefix + id_, body, life_left_ms, due_ms, id_]
        await cast(Awaitable[int], redis.eval(_ADD_JOBS, 1, self._queue_name, *arguments))


def _body(name: str, args: tuple[Any, ...], now_ms: int) -> bytes:
    return serialize_job(name, args, {}, None, now_ms, serializer=to_json)


class WokenWorker(Worker):
    """An ARQ worker that sleeps until it is told, until the next job is due, or for one beat.

    It starts, works and ends without Redis: on_startup and on_shutdown always run, and each outage
    is waited out. on_wake is called for every hint as it is heard, ahead of the jobs in the queue,
    and after each reconnection, since a hint may have been missed meanwhile; it must not block.
    """

    def __init__(
        self,
        functions: Sequence[Function | Callable[..., Any]],
        *,
        url: str,
        on_wake: Callable[[], None] | None = None,
        queue_name: str = QUEUE_NAME,
        **arq_settings: Any,
    ) -> None:
        """arq_settings are arq.worker.Worker's own, such as cron_jobs, max_jobs or job_timeout.

        job_completion_wait is how many seconds running jobs have when the worker is stopped; one
        cancelled on its way to Redis is run again only after job_timeout + 10 s.
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
        # ARQ forgets to give its turn back when Redis fails between taking it and starting the
        # job, and stands still after max_jobs such failures. So turns are not counted here but
        # read off the running tasks (job_counter), and the semaphore never says no.
        self.sem = cast(asyncio.BoundedSemaphore, asyncio.Semaphore(2**31))
        self._arq_pool = pool
        self._url = url
        self._on_wake = on_wake
        self._woken = asyncio.Event()
        self._is_away = False
        self._is_ending = False

    @property
    def job_counter(self) -> int:
        """How many jobs run in this process."""
        return sum(not task.done() for task in self.tasks.values())

    @job_counter.setter
    def job_counter(self, _count: int) -> None:
        """ARQ's own count is not kept, see __init__."""

    async def serve(self) -> None:
        """Work until a signal or stop() ends the loop, then close."""
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
        looking = self.loop.create_task(self._look_until_ended())
        try:
            # Neither ends by itself; should one fail, the process must not go on half deaf.
            done, _ = await asyncio.wait((looking, listener), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            # Cancelled, but the look that goes on is not: redis-py never gives back the connection
            # of a pipeline that is cancelled as it closes.
            self._is_ending = True
            self._woken.set()
            listener.cancel()
            await asyncio.gather(looking, listener, return_exceptions=True)

    def stop(self) -> None:
        """What SIGTERM does: take no more jobs, finish those that run, then end serve()."""
        self.handle_sig_wait_for_completion(signal.SIGTERM)

    async def close(self) -> None:
        """Cancel what still runs, run on_shutdown, close every connection; needs no Redis."""
        if not self._handle_signals:
            self.handle_sig(signal.SIGUSR1)
        if self.tasks:
            # Each has a last word for Redis, which may have stopped listening.
            await asyncio.wait(self.tasks.values(), timeout=LOOK_TIMEOUT_S)
        if self.on_shutdown:
            await self.on_shutdown(self.ctx)
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(1):
                await self.pool.delete(self.health_check_key)
        with contextlib.suppress(RedisError, OSError):
            await self._arq_pool.disconnect()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start those that do not run here; asking Redis about our own costs three trips each."""
        await super().start_jobs([id_ for id_ in job_ids if not self._is_running(id_.decode())])

    def _is_running(self, job_id: str) -> bool:
        task = self.tasks.get(job_id)
        return task is not None and not task.done()

    def _release_sem_dec_counter_on_complete(self) -> None:
        super()._release_sem_dec_counter_on_complete()
        # A full worker takes its next job now, not at its next look.
        self._woken.set()

    async def _look_until_ended(self) -> None:
        while not self._is_ending:
            self._woken.clear()
            delay_s = await self._look()
            # A timer of the loop, since a blocking command's timeout is as coarse as Redis's own
            # clock, ten ticks a second or one.
            timer = self.loop.call_later(delay_s, self._woken.set)
            await self._woken.wait()
            timer.cancel()

    async def _look(self) -> float:
        """Start what is due; the seconds until there is reason to look again."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                # Taken before the poll: what falls due between poll and question is not missed.
                now_ms = timestamp_ms()
                await self._poll_iteration()
                delay_s = await self._next_due_s(now_ms)
        except (RedisError, OSError) as error:
            if not self._is_away:
                logger.warning("redis.away", extra={"error": type(error).__name__})
            self._is_away = True
            return RETRY_S
        if self._is_away:
            logger.info("redis.back")
        self._is_away = False
        return delay_s

    async def _next_due_s(self, now_ms: int) -> float:
        """At most a beat. Only scores above now_ms count: a running job keeps its place at the
        head of the set, and waiting for it would be a busy loop.
        """
        rows = await self.pool.zrangebyscore(
            self.queue_name, f"({now_ms}", "+inf", start=0, num=1, withscores=True
        )
        return min(max(rows[0][1] - timestamp_ms(), 0) / 1000, BEAT_S) if rows else BEAT_S

    def _heard(self) -> None:
        self._woken.set()
        if self._on_wake is not None:
            self._on_wake()
