"""Hold commands whose tenant's rows another transaction has locked, so that batches don't wait for them.

A tenant's commands keep their order, later ones join them, and each is refused at its maximum age.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Final, Generic, Protocol

from kernel.errors import Unavailable
from store.batch_parts import (
    ANSWER_MAX_S,
    RETRY_AFTER_S,
    C,
    R,
    Tenants,
    Waiting,
    away,
    fail,
    unknown,
)
from store.errors import LockTimeout

_log = logging.getLogger(__name__)
TRIES_AT_ONCE_MAX: Final = 2
# Divided among the waiting tenants' tries.
ROUND_S: Final = 1.0
LOCK_WAIT_S_MIN: Final = 0.05


class Commit(Protocol[C, R]):
    """Write a batch and answer it; raise LockTimeout if a row wasn't free in time."""

    async def __call__(self, batch: Sequence[Waiting[C, R]], lock_wait_s: float, /) -> None: ...


class BlockedCommands(Generic[C, R]):
    def __init__(
        self,
        tenants_of: Callable[[Waiting[C, R]], Tenants],
        commit: Commit[C, R],
        *,
        batch_max: int,
        age_max_s: float,
        answer_max_s: float = ANSWER_MAX_S,
    ) -> None:
        self._tenants_of = tenants_of
        self._commit = commit
        self._batch_max = batch_max
        self._age_max_s = age_max_s
        self._answer_max_s = answer_max_s
        self._queues: dict[Tenants, list[Waiting[C, R]]] = {}
        self._under_way: set[Tenants] = set()
        self._tried: set[Tenants] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._queues)

    @property
    def size(self) -> int:
        return sum(map(len, self._queues.values())) if self._queues else 0

    def is_concerned(self, tenants: Tenants) -> bool:
        return any(not tenants.isdisjoint(queued) for queued in self._queues)

    def put(self, batch: Sequence[Waiting[C, R]]) -> None:
        for waiting in batch:
            # A command without a tenant waits for itself.
            tenants = self._tenants_of(waiting) or frozenset({waiting})
            self._queues.setdefault(tenants, []).append(waiting)
            self._refuse_in_time(waiting)
        while len(self.tasks) < min(TRIES_AT_ONCE_MAX, len(self._queues)):
            task = asyncio.get_running_loop().create_task(self._drain())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _refuse_in_time(self, waiting: Waiting[C, R]) -> None:
        left_s = self._age_max_s - (time.monotonic() - waiting.since_s)
        asyncio.get_running_loop().call_later(max(left_s, 0.0), self._refuse, waiting)

    def _refuse(self, waiting: Waiting[C, R]) -> None:
        for tenants, queue in self._queues.items():
            if waiting in queue:
                queue.remove(waiting)
                fail([waiting], _held())
                self._forget_if_done(tenants)
                return
        if not waiting.future.done():
            left_s = self._answer_max_s - (time.monotonic() - waiting.since_s)
            loop = asyncio.get_running_loop()
            loop.call_later(max(left_s, 0.0), fail, (waiting,), unknown())

    async def _drain(self) -> None:
        try:
            await self._write_all()
        finally:
            # Not in a callback: a command submitted next must find no task.
            task = asyncio.current_task()
            assert task is not None
            self.tasks.discard(task)

    async def _write_all(self) -> None:
        while (tenants := self._next()) is not None:
            self._under_way.add(tenants)
            queue = self._queues[tenants]
            size = self._batch_size(queue)
            batch, self._queues[tenants] = queue[:size], queue[size:]
            try:
                await self._write(tenants, batch)
            except Exception:
                _log.exception("batch writer broke")
                fail(batch, away())
            except BaseException:
                fail(batch, away())
                raise
            finally:
                self._under_way.discard(tenants)
                self._forget_if_done(tenants)

    def _batch_size(self, queue: Sequence[Waiting[C, R]]) -> int:
        """Return how many commands to write together; long ones go alone."""
        others = list(takewhile(lambda one: not one.is_long, queue[: self._batch_max]))
        return max(1, len(others))

    def _next(self) -> Tenants | None:
        idle = [one for one in self._queues if one not in self._under_way]
        return next((one for one in idle if one not in self._tried), idle[0] if idle else None)

    async def _write(self, tenants: Tenants, batch: list[Waiting[C, R]]) -> None:
        left_s = self._age_max_s - (time.monotonic() - batch[0].since_s)
        share_s = ROUND_S * TRIES_AT_ONCE_MAX / max(TRIES_AT_ONCE_MAX, len(self._queues))
        try:
            await self._commit(batch, max(LOCK_WAIT_S_MIN, min(share_s, left_s)))
        except LockTimeout:
            self._tried.add(tenants)
            oldest_s = time.monotonic() - self._age_max_s
            old = [one for one in batch if one.since_s <= oldest_s]
            fail(old, _held())
            young = [one for one in batch if one.since_s > oldest_s]
            # Behind the other tenants, before this tenant's newer commands.
            self._queues[tenants] = [*young, *self._queues.pop(tenants)]
            for one in young:
                self._refuse_in_time(one)

    def _forget_if_done(self, tenants: Tenants) -> None:
        if tenants not in self._under_way and not self._queues.get(tenants, True):
            del self._queues[tenants]
            self._tried.discard(tenants)


def _held() -> Unavailable:
    return Unavailable(
        "Another process holds this account's rows. Nothing was done.",
        retry_after_s=RETRY_AFTER_S,
    )
