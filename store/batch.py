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
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kernel.errors import Unavailable
from store.db import Database, Transaction
from store.errors import CommitUnknown, ConnectionLost, Contention, StoreError

C = TypeVar("C")
R = TypeVar("R")
C_contra = TypeVar("C_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

BATCH_COMMANDS_MAX = 256
WAITING_COMMANDS_MAX = 8_192
WAITING_AGE_MAX_S = 5.0
RETRY_AFTER_S = 1

_log = logging.getLogger(__name__)


class Runner(Protocol[C_contra, R_co]):
    """How a batch is decided and written; one transaction, the same statements for any size."""

    async def run(
        self, tx: Transaction, commands: Sequence[C_contra]
    ) -> Sequence["R_co | BaseException"]:
        """One result or one refusal for each command, in order."""
        ...

    async def was_committed(self, tx: Transaction) -> bool:
        """Whether the batch last run is there; asked when the connection died around COMMIT."""
        ...


@dataclass(slots=True)
class _Waiting(Generic[C, R]):
    command: C
    since_s: float
    future: "asyncio.Future[R]"


class GroupCommit(Generic[C, R]):
    """One writer of batches; `submit` joins the batch being gathered."""

    def __init__(
        self,
        database: Database,
        runner: Runner[C, R],
        *,
        batch_max: int = BATCH_COMMANDS_MAX,
        waiting_max: int = WAITING_COMMANDS_MAX,
        age_max_s: float = WAITING_AGE_MAX_S,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._database = database
        self._runner = runner
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._age_max_s = age_max_s
        self._on_batch = on_batch
        self._waiting: deque[_Waiting[C, R]] = deque()
        self._writer: asyncio.Task[None] | None = None
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
            batch = self._take()
            if not batch:
                continue
            try:
                await self._commit(batch)
            except BaseException as error:
                # Whatever happens to the writer, nobody waits for ever.
                _fail(batch, error)
                if not isinstance(error, Exception):
                    _fail(self._waiting, error)
                    self._waiting.clear()
                    raise
                _log.exception("batch failed")

    def _take(self) -> list[_Waiting[C, R]]:
        oldest_s = time.monotonic() - self._age_max_s
        batch: list[_Waiting[C, R]] = []
        while self._waiting and len(batch) < self._batch_max:
            waiting = self._waiting.popleft()
            if waiting.since_s < oldest_s:
                refusal = Unavailable("the database cannot keep up", retry_after_s=RETRY_AFTER_S)
                _fail([waiting], refusal)
            else:
                batch.append(waiting)
        return batch

    async def _commit(self, batch: Sequence[_Waiting[C, R]]) -> None:
        if self._on_batch is not None:
            self._on_batch(len(batch))
        try:
            await self._run(batch)
        except (Contention, ConnectionLost, CommitUnknown) as error:
            _log.warning("batch not kept", extra={"error": str(error), "commands": len(batch)})
            _fail(batch, Unavailable("the database is away", retry_after_s=RETRY_AFTER_S))
        except (StoreError, ArithmeticError, LookupError, TypeError, ValueError, AssertionError):
            # One of them is poison. Alone, each one meets only its own fault.
            _log.exception("batch refused", extra={"commands": len(batch)})
            if len(batch) == 1:
                raise
            for waiting in batch:
                await self._commit_alone(waiting)

    async def _commit_alone(self, waiting: _Waiting[C, R]) -> None:
        try:
            await self._run([waiting])
        except (Contention, ConnectionLost, CommitUnknown):
            _fail([waiting], Unavailable("the database is away", retry_after_s=RETRY_AFTER_S))
        except Exception as error:
            _fail([waiting], error)

    async def _run(self, batch: Sequence[_Waiting[C, R]]) -> None:
        commands = [waiting.command for waiting in batch]

        async def work(tx: Transaction) -> Sequence[R | BaseException]:
            return await self._runner.run(tx, commands)

        results = await self._database.transaction(work, was_committed=self._runner.was_committed)
        for waiting, result in zip(batch, results, strict=True):
            if waiting.future.done():
                continue
            if isinstance(result, BaseException):
                waiting.future.set_exception(result)
            else:
                waiting.future.set_result(result)


def _fail(batch: "Sequence[_Waiting[C, R]] | deque[_Waiting[C, R]]", error: BaseException) -> None:
    for waiting in batch:
        if not waiting.future.done():
            if isinstance(error, Exception):
                waiting.future.set_exception(error)
            else:
                waiting.future.cancel()
