"""Commit commands in groups. While one batch commits, the next batch fills.

- A result is returned only after its batch has committed.
- If a command breaks its batch, the other commands are tried once more.
- Commands are refused (Unavailable) if the queue gets too long or they wait too long.

One task writes full batches. If that task is held up, a second one takes other tenants' commands. If another
transaction has locked a tenant's rows, the tenant's commands leave the batch and wait in BlockedCommands.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence, Set as AbstractSet
from functools import partial
from itertools import takewhile
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from kernel.errors import Unavailable
from store.database import Database, Lock, Transaction
from store.errors import CommitUnknown, ConnectionLost, Contention, LockTimeout, StoreError, Unable

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Tenants = frozenset[object]

RETRY_AFTER_S = 1
# After this time, the response says that the outcome isn't known yet.
ANSWER_MAX_S = 9.0
TRIES_AT_ONCE_MAX: Final = 2
# All waiting tenants are tried within about this time.
ROUND_S: Final = 1.0
LOCK_WAIT_S_MIN: Final = 0.05
BATCH_COMMANDS_MAX = 256
WAITING_COMMANDS_MAX = 8_192
WAITING_AGE_MAX_S = 5.0
GATHER_TURNS_MAX = 64
GATHER_IDLE_TURNS = 6
GATHER_ALONE_TURNS = 2
# A batch waits this long for locked rows. Then it continues without them.
LOCK_WAIT_S = 0.1
PATIENCE_S = 0.1
LANES_MAX = 2
_log = logging.getLogger(__name__)


class Prepared(Protocol[R_co]):
    """A batch that is decided and written in one transaction. The number of statements doesn't depend on its size."""

    @property
    def lock(self) -> Lock | None: ...

    def meanwhile(self) -> None:
        """Do work that needs no database. This method may be called late or not at all."""
        ...

    async def run(self, tx: Transaction) -> Sequence["R_co | BaseException"]:
        """Return one result or refusal for each command, in order. This method may be called again for the same batch."""
        ...

    def on_committed(self) -> None:
        """Finish the batch after its commands were answered. This method must not raise anything."""
        ...


class Tenancy(Protocol[C_contra]):
    def of(self, command: C_contra, /) -> Tenants: ...

    async def lock_free(self, tx: Transaction, tenants: Tenants, /) -> AbstractSet[object]:
        """Lock the tenants that no other transaction has locked, and return them."""
        ...


class Waiting(msgspec.Struct, Generic[C, R], eq=False):
    command: C
    since_s: float
    future: "asyncio.Future[R]"
    tenants: Tenants | None = None
    is_long: bool = False


class BatchWatch:
    """Call `look` with the batch's age after first_s seconds. `look` returns the seconds until its next call."""

    __slots__ = ("_look", "_loop", "_since_s", "_timer")

    def __init__(self, look: Callable[[float], float], first_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._look = look
        self._since_s = self._loop.time()
        self._timer = self._loop.call_later(first_s, self._fire)

    def cancel(self) -> None:
        self._timer.cancel()

    def _fire(self) -> None:
        self._timer = self._loop.call_later(
            self._look(self._loop.time() - self._since_s), self._fire
        )


def away() -> Unavailable:
    return Unavailable("The database is not reachable.", retry_after_s=RETRY_AFTER_S)


def unknown() -> Unavailable:
    return Unavailable(
        "The outcome isn't known yet. Retry with the same Idempotency-Key, or check what "
        "happened before you repeat the request.",
        retry_after_s=RETRY_AFTER_S,
    )


def fail(batch: Iterable[Waiting[C, R]], error: Exception) -> None:
    for waiting in batch:
        if not waiting.future.done():
            waiting.future.set_exception(error)


class Commit(Protocol[C, R]):
    """Write a batch and answer its commands. Raise LockTimeout if a row stays locked too long."""

    async def __call__(self, batch: Sequence[Waiting[C, R]], lock_wait_s: float, /) -> None: ...


class BlockedCommands(Generic[C, R]):
    """Commands of tenants whose rows another transaction has locked. Batches don't wait for them.

    A tenant's commands stay in order. Commands that get too old are refused (Unavailable). Tenants not yet
    tried come first. All are tried within about ROUND_S.
    """

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
            # The task is removed here, because a callback would run too late.
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
            self._queues[tenants] = [*young, *self._queues.pop(tenants)]
            for one in young:
                self._refuse_in_time(one)

    def _forget_if_done(self, tenants: Tenants) -> None:
        if tenants not in self._under_way and not self._queues.get(tenants, True):
            del self._queues[tenants]
            self._tried.discard(tenants)


def _held() -> Unavailable:
    return Unavailable(
        "Another process has locked this account's rows. Nothing was done.",
        retry_after_s=RETRY_AFTER_S,
    )


class _Lane(Generic[C, R]):
    def __init__(self) -> None:
        self.batch: list[Waiting[C, R]] = []
        self.last_size = 0

    @property
    def is_long(self) -> bool:
        return len(self.batch) == 1 and self.batch[0].is_long


class GroupCommit(Generic[C, R]):
    def __init__(
        self,
        database: Database,
        prepare: Callable[[Sequence[C]], Prepared[R]],
        *,
        tenancy: Tenancy[C] | None = None,
        batch_max: int = BATCH_COMMANDS_MAX,
        waiting_max: int = WAITING_COMMANDS_MAX,
        age_max_s: float = WAITING_AGE_MAX_S,
        answer_max_s: float = ANSWER_MAX_S,
        on_batch: Callable[[int], None] | None = None,
        on_kept: Callable[[float], None] | None = None,
    ) -> None:
        """Call on_batch with the number of commands in a batch, and on_kept with its duration in seconds."""
        self._database = database
        self._prepare = prepare
        self._tenancy = tenancy
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._age_max_s = age_max_s
        self._answer_max_s = answer_max_s
        self._on_batch = on_batch
        self._on_kept = on_kept
        self.lock_timeouts = 0
        self._waiting: deque[Waiting[C, R]] = deque()
        self._lanes: dict[asyncio.Task[None], _Lane[C, R]] = {}
        self._apart: BlockedCommands[C, R] = BlockedCommands(
            self._tenants_of,
            self._attempt,
            batch_max=batch_max,
            age_max_s=age_max_s,
            answer_max_s=answer_max_s,
        )
        self._is_held_up = False
        self._has_long = False
        self._is_closed = False
        self._failed_s = float("-inf")
        self._last_commit_at_s = float("-inf")

    def submit(self, command: C, *, is_long: bool = False) -> Awaitable[R]:
        """Return the command's result once it is durable. Raise the command's refusal, or Unavailable.

        The command joins the queue at once, and runs even if the caller disconnects. A command with is_long
        gets a batch of its own.
        """
        if self._is_closed:
            raise Unavailable("The gateway is shutting down.", retry_after_s=RETRY_AFTER_S)
        if len(self._waiting) + self._apart.size >= self._waiting_max:
            raise Unavailable("Too many requests are waiting.", retry_after_s=RETRY_AFTER_S)
        loop = asyncio.get_running_loop()
        waiting: Waiting[C, R] = Waiting(command, time.monotonic(), loop.create_future())
        if is_long:
            waiting.is_long = self._has_long = True
        self._waiting.append(waiting)
        if not self._lanes or (self._is_held_up and len(self._lanes) < LANES_MAX):
            self._open_lane()
        return waiting.future

    @property
    def waiting_s(self) -> float:
        """Return how long the oldest command outside BlockedCommands has waited, or 0."""
        oldest = [lane.batch[0].since_s for lane in self._lanes.values() if lane.batch]
        if self._waiting:
            oldest.append(self._waiting[0].since_s)
        return time.monotonic() - min(oldest) if oldest else 0.0

    @property
    def depth(self) -> int:
        return len(self._waiting) + self._apart.size

    @property
    def last_commit_at_s(self) -> float:
        return self._last_commit_at_s

    @property
    def failed_s(self) -> float:
        return self._failed_s

    async def close(self) -> None:
        self._is_closed = True
        while tasks := [*self._lanes, *self._apart.tasks]:
            await asyncio.wait(tasks)

    def _open_lane(self) -> None:
        lane: _Lane[C, R] = _Lane()
        task = asyncio.get_running_loop().create_task(self._drain(lane))
        self._lanes[task] = lane
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None] | None") -> None:
        if task is not None:
            self._lanes.pop(task, None)

    async def _drain(self, lane: _Lane[C, R]) -> None:
        try:
            await self._write(lane)
        except Exception:
            _log.exception("batch writer broke")
        finally:
            self._forget(asyncio.current_task())

    async def _write(self, lane: _Lane[C, R]) -> None:
        while self._waiting:
            await self._gather(lane)
            self._refuse_old()
            lane.batch = self._take(lane)
            if not lane.batch:
                return
            lane.last_size = len(lane.batch)
            if lane.is_long:
                self._check(lane, 0.0)
            watch = BatchWatch(partial(self._check, lane), min(PATIENCE_S, self._age_max_s))
            try:
                await self._commit(lane.batch)
            except BaseException:
                fail([*lane.batch, *self._waiting], away())
                self._waiting.clear()
                raise
            finally:
                watch.cancel()
                lane.batch = []
                self._is_held_up = self._is_long_under_way()

    async def _gather(self, lane: _Lane[C, R]) -> None:
        """Yield to the event loop as long as more commands arrive.

        A request reaches this queue after two turns of the event loop. Without this pause, full batches and
        batches of one command would alternate under load.
        """
        idle_turns = 0
        idle_turns_max = GATHER_IDLE_TURNS if lane.last_size > 1 else GATHER_ALONE_TURNS
        for _ in range(GATHER_TURNS_MAX):
            seen = len(self._waiting)
            if seen >= self._batch_max or idle_turns == idle_turns_max:
                return
            await asyncio.sleep(0)
            idle_turns = 0 if len(self._waiting) > seen else idle_turns + 1

    def _take(self, lane: _Lane[C, R]) -> list[Waiting[C, R]]:
        waiting = self._waiting
        others = [one for one in self._lanes.values() if one is not lane and one.batch]
        if not others and not self._apart and not self._has_long:
            return [waiting.popleft() for _ in range(min(self._batch_max, len(waiting)))]
        held: set[object] = set()
        for other in others:
            held.update(*(self._tenants_of(one) for one in other.batch))
        batch: list[Waiting[C, R]] = []
        left: deque[Waiting[C, R]] = deque()
        for one in waiting:
            tenants = self._tenants_of(one)
            if self._apart.is_concerned(tenants):
                self._apart.put([one])
            elif self._has_room(batch, one) and held.isdisjoint(tenants):
                batch.append(one)
            else:
                held |= tenants
                left.append(one)
        self._waiting = left
        self._has_long = any(one.is_long for one in left)
        return batch

    def _has_room(self, batch: Sequence[Waiting[C, R]], one: Waiting[C, R]) -> bool:
        """Return whether the command fits. A long command gets a batch of its own, and only one long batch runs
        at a time.
        """
        if one.is_long:
            return not batch and not self._is_long_under_way()
        return len(batch) < self._batch_max and not (batch and batch[0].is_long)

    def _is_long_under_way(self) -> bool:
        return any(lane.is_long for lane in self._lanes.values())

    def _tenants_of(self, waiting: Waiting[C, R]) -> Tenants:
        if waiting.tenants is None:
            tenancy = self._tenancy
            waiting.tenants = frozenset() if tenancy is None else tenancy.of(waiting.command)
        return waiting.tenants

    def _check(self, lane: _Lane[C, R], age_s: float) -> float:
        """Refuse commands that are too old. Return the seconds until the next check."""
        self._refuse_old()
        late_s = time.monotonic() - self._answer_max_s
        fail(takewhile(lambda one: one.since_s <= late_s, lane.batch), unknown())
        self._is_held_up = age_s >= PATIENCE_S or self._is_long_under_way()
        if self._waiting and self._is_held_up and len(self._lanes) < LANES_MAX:
            self._open_lane()
        left_s = PATIENCE_S
        if self._waiting:
            age_s = time.monotonic() - self._waiting[0].since_s
            left_s = min(left_s, self._age_max_s - age_s)
        return max(left_s, 0.001)

    def _refuse_old(self) -> None:
        oldest_s = time.monotonic() - self._age_max_s
        while self._waiting and self._waiting[0].since_s <= oldest_s:
            refusal = Unavailable("The database can't keep up.", retry_after_s=RETRY_AFTER_S)
            fail([self._waiting.popleft()], refusal)

    async def _commit(self, batch: Sequence[Waiting[C, R]]) -> None:
        try:
            await self._attempt(batch, LOCK_WAIT_S)
        except LockTimeout as error:
            self.lock_timeouts += 1
            _log.info("batch held up", extra={"error": str(error), "commands": len(batch)})
            await self._commit_what_is_free(batch)

    async def _attempt(self, batch: Sequence[Waiting[C, R]], lock_wait_s: float) -> None:
        try:
            if self._on_batch is not None:
                self._on_batch(len(batch))
            began_s = time.monotonic()
            await self._run(batch, lock_wait_s)
            if self._on_kept is not None:
                self._on_kept(time.monotonic() - began_s)
        except LockTimeout:
            raise
        except (Contention, ConnectionLost, CommitUnknown, Unable) as error:
            self._note_failure(batch, error)
        except Exception as error:
            _log.exception("batch refused", extra={"commands": len(batch)})
            if len(batch) == 1:
                fail(batch, error)
            else:
                await self._commit_one_by_one(batch)

    async def _commit_one_by_one(self, batch: Sequence[Waiting[C, R]]) -> None:
        for index, waiting in enumerate(batch):
            try:
                await self._run([waiting], LOCK_WAIT_S)
            except LockTimeout:
                self._apart.put([waiting])
            except (ConnectionLost, CommitUnknown, Unable) as error:
                self._note_failure(batch[index:], error)
                return
            except Contention:
                fail([waiting], away())
            except Exception as error:
                _log.exception("command refused")
                fail([waiting], error)

    async def _commit_what_is_free(self, batch: Sequence[Waiting[C, R]]) -> None:
        tenancy = self._tenancy
        if tenancy is None:
            self._apart.put(batch)
            return
        wanted = frozenset[object]().union(*(self._tenants_of(one) for one in batch))
        free: list[Waiting[C, R]] = []
        prepared: list[Prepared[R]] = []

        async def work(tx: Transaction) -> Sequence[R | BaseException]:
            gained = await tenancy.lock_free(tx, wanted)
            free[:] = [one for one in batch if self._tenants_of(one) <= gained]
            if not free:
                return []
            prepared[:] = [self._prepare([one.command for one in free])]
            return await prepared[0].run(tx)

        try:
            results = await self._database.transaction(work, is_short=True, lock_wait_s=LOCK_WAIT_S)
        except LockTimeout:
            # The locked row is shared, so all of the batch's tenants wait.
            self._apart.put(batch)
            return
        except StoreError as error:
            self._note_failure(batch, error)
            return
        except Exception:
            _log.exception("batch refused", extra={"commands": len(batch)})
            await self._commit_one_by_one(batch)
            return
        self._answer(free, results)
        for one_batch in prepared:
            one_batch.on_committed()
        taken = set(map(id, free))
        self._apart.put([one for one in batch if id(one) not in taken])

    async def _run(self, batch: Sequence[Waiting[C, R]], lock_wait_s: float) -> None:
        prepared = self._prepare([waiting.command for waiting in batch])

        async def work(tx: Transaction) -> Sequence[R | BaseException]:
            results = await prepared.run(tx)
            assert len(results) == len(batch), "one result for each command"
            return results

        results = await self._database.transaction(
            work,
            is_short=not any(waiting.is_long for waiting in batch),
            lock=prepared.lock,
            lock_wait_s=lock_wait_s,
            meanwhile=prepared.meanwhile,
        )
        self._answer(batch, results)
        prepared.on_committed()

    def _answer(self, batch: Sequence[Waiting[C, R]], results: Sequence[R | BaseException]) -> None:
        self._last_commit_at_s = time.monotonic()
        for waiting, result in zip(batch, results, strict=True):
            if waiting.future.done():
                continue
            if isinstance(result, BaseException):
                waiting.future.set_exception(result)
            else:
                waiting.future.set_result(result)

    def _note_failure(self, batch: Sequence[Waiting[C, R]], error: StoreError) -> None:
        _log.warning("batch not kept", extra={"error": str(error), "commands": len(batch)})
        self._failed_s = time.monotonic()
        fail(batch, unknown() if isinstance(error, CommitUnknown) else away())
