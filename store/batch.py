"""Group commit: while one batch commits the next one gathers.

Promises: a lone command waits for nobody, there is no timer; a result is handed out only after the
batch's commit; a command that poisons its batch costs its neighbours one more try at most; a caller
that goes away does not stop a commit; the queue is bounded by count and by age, with a clear
refusal (Unavailable) instead of unbounded waiting; closing drains what was accepted, then refuses.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from kernel.errors import Unavailable
from store.db import Database, Lock, Transaction
from store.errors import CommitUnknown, ConnectionLost, Contention

C = TypeVar("C")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

BATCH_COMMANDS_MAX = 256
WAITING_COMMANDS_MAX = 8_192
WAITING_AGE_MAX_S = 5.0
GATHER_TURNS_MAX = 64
GATHER_IDLE_TURNS = 6
GATHER_ALONE_TURNS = 2
RETRY_AFTER_S = 1

_log = logging.getLogger(__name__)


class Prepared(Protocol[R_co]):
    """How a batch is decided and written; one transaction, the same statements for any size."""

    @property
    def lock(self) -> Lock | None: ...

    def meanwhile(self) -> None:
        """What can be done before the database answers; it may come late, or not at all."""
        ...

    async def run(self, tx: Transaction) -> Sequence["R_co | BaseException"]:
        """One result or one refusal for each command, in order; may be run again."""
        ...


class _Waiting(msgspec.Struct, Generic[C, R]):
    command: C
    since_s: float
    future: "asyncio.Future[R]"


class GroupCommit(Generic[C, R]):
    """One writer of batches; `submit` joins the batch being gathered."""

    def __init__(
        self,
        database: Database,
        prepare: Callable[[Sequence[C]], Prepared[R]],
        *,
        batch_max: int = BATCH_COMMANDS_MAX,
        waiting_max: int = WAITING_COMMANDS_MAX,
        age_max_s: float = WAITING_AGE_MAX_S,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._database = database
        self._prepare = prepare
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._age_max_s = age_max_s
        self._on_batch = on_batch
        self._waiting: deque[_Waiting[C, R]] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._watcher: asyncio.TimerHandle
        self._last_size = 0
        self._is_closed = False

    def submit(self, command: C) -> Awaitable[R]:
        """The command's result once it is durable; raises its refusal, or Unavailable.

        Not a coroutine: the command joins the batch at once, whatever becomes of the caller.
        """
        if self._is_closed:
            raise Unavailable("the gateway is shutting down", retry_after_s=RETRY_AFTER_S)
        if len(self._waiting) >= self._waiting_max:
            raise Unavailable("too many requests are waiting", retry_after_s=RETRY_AFTER_S)
        loop = asyncio.get_running_loop()
        waiting: _Waiting[C, R] = _Waiting(command, time.monotonic(), loop.create_future())
        self._waiting.append(waiting)
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._drain())
        return waiting.future

    @property
    def waiting_s(self) -> float:
        """How long the oldest command has waited; 0 when none does."""
        return time.monotonic() - self._waiting[0].since_s if self._waiting else 0.0

    async def close(self) -> None:
        """Refuses new commands and returns when the accepted ones are settled."""
        self._is_closed = True
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _drain(self) -> None:
        while self._waiting:
            await self._gather()
            self._refuse_old()
            batch = [
                self._waiting.popleft() for _ in range(min(self._batch_max, len(self._waiting)))
            ]
            self._last_size = len(batch)
            self._watch(self._age_max_s)
            try:
                await self._commit(batch)
            except BaseException:
                # Whatever ends the writer, nobody waits for ever; the next command starts another.
                _fail([*batch, *self._waiting], _away())
                self._waiting.clear()
                raise
            finally:
                self._watcher.cancel()

    async def _gather(self) -> None:
        """Gives the loop a turn while turns bring more commands, without any timer.

        A request that is being read needs two turns to get here. Under load this makes full
        batches where a full one and a single one took turns, whose fixed costs are the same; where
        the last batch was a single command, only those two turns are given [20 us each, alone].
        """
        idle_turns = 0
        idle_turns_max = GATHER_IDLE_TURNS if self._last_size > 1 else GATHER_ALONE_TURNS
        for _ in range(GATHER_TURNS_MAX):
            seen = len(self._waiting)
            if seen >= self._batch_max or idle_turns == idle_turns_max:
                return
            await asyncio.sleep(0)
            idle_turns = 0 if len(self._waiting) > seen else idle_turns + 1

    def _watch(self, delay_s: float) -> None:
        """While a batch commits, those who wait behind it are refused at their age's end."""
        self._watcher = asyncio.get_running_loop().call_later(delay_s, self._refuse_and_watch)

    def _refuse_and_watch(self) -> None:
        self._refuse_old()
        self._watch(self._age_max_s - self.waiting_s)

    def _refuse_old(self) -> None:
        oldest_s = time.monotonic() - self._age_max_s
        while self._waiting and self._waiting[0].since_s <= oldest_s:
            refusal = Unavailable("the database cannot keep up", retry_after_s=RETRY_AFTER_S)
            _fail([self._waiting.popleft()], refusal)

    async def _commit(self, batch: Sequence[_Waiting[C, R]]) -> None:
        if not batch:
            return
        try:
            if self._on_batch is not None:
                self._on_batch(len(batch))
            await self._run(batch)
        except (Contention, ConnectionLost, CommitUnknown) as error:
            _log.warning("batch not kept", extra={"error": str(error), "commands": len(batch)})
            _fail(batch, _away())
        except Exception as error:
            # One of them is poison. Alone, each one meets only its own fault.
            _log.exception("batch refused", extra={"commands": len(batch)})
            if len(batch) == 1:
                _fail(batch, error)
            else:
                await self._commit_one_by_one(batch)

    async def _commit_one_by_one(self, batch: Sequence[_Waiting[C, R]]) -> None:
        for index, waiting in enumerate(batch):
            try:
                await self._run([waiting])
            except (ConnectionLost, CommitUnknown):
                # The others would each find it out for themselves, one time-out after the other.
                _fail(batch[index:], _away())
                return
            except Contention:
                _fail([waiting], _away())
            except Exception as error:
                _log.exception("command refused")
                _fail([waiting], error)

    async def _run(self, batch: Sequence[_Waiting[C, R]]) -> None:
        prepared = self._prepare([waiting.command for waiting in batch])

        async def work(tx: Transaction) -> Sequence[R | BaseException]:
            results = await prepared.run(tx)
            # Before the commit: afterwards nothing may fail, or the batch would be run again.
            assert len(results) == len(batch), "one result for each command"
            return results

        results = await self._database.transaction(
            work, is_short=True, lock=prepared.lock, meanwhile=prepared.meanwhile
        )
        for waiting, result in zip(batch, results, strict=True):
            if waiting.future.done():
                continue
            if isinstance(result, BaseException):
                waiting.future.set_exception(result)
            else:
                waiting.future.set_result(result)


def _away() -> Unavailable:
    return Unavailable("the database is away", retry_after_s=RETRY_AFTER_S)


def _fail(batch: Sequence[_Waiting[C, R]], error: Exception) -> None:
    for waiting in batch:
        if not waiting.future.done():
            waiting.future.set_exception(error)
