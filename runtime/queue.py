"""Hints through ARQ: a hint says "look now" and may be lost, because the database is the truth.

No caller waits for Redis, and each process has at most one batch of hints in flight. Jobs are JSON: ARQ's
default, pickle, would run whatever somebody writes into Redis.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import msgspec
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import serialize_job

from kernel.clock import Clock
from runtime.redis_link import RedisAway, RedisLink, Word
from store.database import ANYTHING
from store.errors import StoreError

QUEUE_NAME = "topup:queue"
WAKE_JOB = "wake"
SLOT_US = 20_000
# While commits follow each other closely, one hint covers a millisecond.
HINT_INTERVAL_S = 0.001
# Without Redis each costs a transaction.
OTHERWISE_INTERVAL_S = 0.005
HINT_LIFE_MS = 3_600_000
# A hint that hasn't started covers every later one. So a hint takes the first of these ids that
# isn't running, which also bounds the queue.
HINT_IDS = tuple(f"{WAKE_JOB}:now:{number}" for number in range(8))
# A message to the workers: the names of hints, ANYTHING, or that a job is queued.
JOBS = "+"
SLOTS_PENDING_MAX = 1000
SLOTS_REMEMBERED_MAX = 4096
# The worker's beat finds what is due later than this without a wake-up.
WAKE_AHEAD_MS = 2000
# KEYS: queue. ARGV: channel or "", message, then (job key, body, life in ms, score, id) for each
# job. An id that is queued already stays as it is.
_ADD_JOBS = """
for i = 3, #ARGV, 5 do
  if redis.call('SET', ARGV[i], ARGV[i + 1], 'PX', ARGV[i + 2], 'NX') then
    redis.call('ZADD', KEYS[1], ARGV[i + 3], ARGV[i + 4])
  end
end
if ARGV[1] ~= '' then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
"""
# KEYS: queue. ARGV: job key prefix, running key prefix, body, life in ms, score, then ids.
_ADD_HINT = """
for i = 6, #ARGV do
  if redis.call('EXISTS', ARGV[2] .. ARGV[i]) == 0 then
    if redis.call('SET', ARGV[1] .. ARGV[i], ARGV[3], 'PX', ARGV[4], 'NX') then
      redis.call('ZADD', KEYS[1], ARGV[5], ARGV[i])
    end
    return 1
  end
end
return 0
"""

SendHints = Callable[[Sequence[str]], Awaitable[None]]

logger = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder()


def to_json(job: dict[str, Any]) -> bytes:
    """Encode a job; values that JSON can't hold, such as an exception, as their repr."""
    return msgspec.json.encode(job, enc_hook=repr)


def from_json(body: bytes) -> dict[str, Any]:
    return cast(dict[str, Any], _decoder.decode(body))


def wake_channel(queue_name: str) -> str:
    return f"{queue_name}:wake"


class Queue:
    """The sending side, for gateway and worker alike; a wake-up costs the caller no round trip.

    otherwise: how hints go while Redis is away, such as Store.send_hints; None: not at all.
    """

    def __init__(
        self,
        link: RedisLink,
        clock: Clock,
        *,
        queue_name: str = QUEUE_NAME,
        otherwise: SendHints | None = None,
    ) -> None:
        self._link = link
        self._kept = link.keep()
        self._otherwise = otherwise
        # Whether hints went another way, or none, since Redis was last there.
        self._is_behind = False
        self._clock = clock
        self._queue_name = queue_name
        self._names_wanted: set[str] = set()
        self._slots_wanted: set[int] = set()
        self._slots_sent: OrderedDict[int, None] = OrderedDict()
        self._sender: asyncio.Task[None] | None = None
        link.on_return(self._catch_up)

    async def wake(self) -> None:
        self.wake_soon()

    def wake_soon(self, name: str = ANYTHING) -> None:
        """Make every worker look now for what a hint of this name is about.

        If Redis is away, the hint goes the other way, and all look when Redis is back.
        """
        self._names_wanted.add(name)
        self._start_sender()

    def wake_at(self, at_us: int) -> None:
        """Wake every worker within 20 ms after at_us, at most once per slot of 20 ms, at the slot's end."""
        if at_us <= self._clock.now_us():
            self.wake_soon()
            return
        if not self._link.is_up:
            # Each worker has its own timer, and all are woken when Redis is back.
            self._is_behind = True
            return
        slot = -(-at_us // SLOT_US)
        if slot in self._slots_sent or len(self._slots_wanted) >= SLOTS_PENDING_MAX:
            return
        self._slots_wanted.add(slot)
        self._start_sender()

    async def aclose(self) -> None:
        if self._sender is not None:
            await self._sender

    def _start_sender(self) -> None:
        is_wanted = self._names_wanted or self._slots_wanted
        is_sending = self._sender is not None and not self._sender.done()
        if is_wanted and not is_sending:
            self._sender = asyncio.get_running_loop().create_task(self._send_hints())

    async def _send_hints(self) -> None:
        while self._names_wanted or self._slots_wanted:
            names, slots = sorted(self._names_wanted), sorted(self._slots_wanted)
            self._names_wanted.clear()
            self._slots_wanted.clear()
            try:
                if names:
                    await self._add_hint(names)
                if slots:
                    await self._add_later_hints(slots)
            except RedisAway:
                # One look when Redis is back replaces whatever was lost.
                self._is_behind = True
                await self._send_otherwise(names)
                continue
            except Exception:
                # The workers' own beat finds what this hint was about.
                logger.exception("hint.broke")
            self._remember(slots)
            await asyncio.sleep(HINT_INTERVAL_S)

    def _catch_up(self) -> None:
        if self._is_behind:
            self._is_behind = False
            self.wake_soon()

    async def _send_otherwise(self, names: Sequence[str]) -> None:
        if self._otherwise is not None and names:
            # If the database is away as well, there is nothing to report.
            with contextlib.suppress(StoreError):
                await self._otherwise(names)
        await asyncio.sleep(OTHERWISE_INTERVAL_S)

    def _remember(self, slots: Sequence[int]) -> None:
        for slot in slots:
            self._slots_sent[slot] = None
        while len(self._slots_sent) > SLOTS_REMEMBERED_MAX:
            self._slots_sent.popitem(last=False)

    async def _add_hint(self, names: Sequence[str]) -> None:
        """Publish the hint; queue a job, which costs as much CPU as a delivery, only if no worker listens."""
        channel = wake_channel(self._queue_name)
        if await self._link.ask(self._kept, "PUBLISH", channel, " ".join(names)):
            return
        now_ms = self._clock.now_us() // 1000
        prefixes = (job_key_prefix, in_progress_key_prefix)
        await self._run(_ADD_HINT, *prefixes, _hint(now_ms), HINT_LIFE_MS, now_ms, *HINT_IDS)

    async def _add_later_hints(self, slots: Sequence[int]) -> None:
        now_ms = self._clock.now_us() // 1000
        body = _hint(now_ms)
        arguments: list[Word] = ["", JOBS]
        for slot in slots:
            # ARQ rounds its clock to the millisecond and so starts up to half of one early.
            due_ms = -(-(slot * SLOT_US + 500) // 1000)
            if due_ms <= now_ms + WAKE_AHEAD_MS:
                arguments[0] = wake_channel(self._queue_name)
            life_left_ms = max(due_ms - now_ms, 0) + HINT_LIFE_MS
            id_ = f"{WAKE_JOB}:{slot}"
            arguments += [job_key_prefix + id_, body, life_left_ms, due_ms, id_]
        await self._run(_ADD_JOBS, *arguments)

    async def _run(self, script: str, *arguments: Word) -> None:
        await self._link.ask(self._kept, "EVAL", script, 1, self._queue_name, *arguments)


def _hint(now_ms: int) -> bytes:
    return serialize_job(WAKE_JOB, (), {}, None, now_ms, serializer=to_json)
