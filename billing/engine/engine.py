"""Commit money-moving commands in batches, and return each command's result once it is durable.

A response is encoded before the commit and stored, so a repeated request gets the same bytes. If a command raises a
refusal (DomainError), the engine checks that nothing was changed.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence, Set as AbstractSet
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import msgspec

from billing.engine.batch_state import BatchState, ReadSet, Rules
from kernel.clock import Clock
from kernel.errors import DomainError
from kernel.tenant import Tenant
from kernel.trace import current_line
from keys.account import lock_free_tenants, tenants_lock
from store.batch import GroupCommit, Prepared
from store.database import Database, Lock, Transaction
from store.idempotency import RequestKey, StoredAnswer


class BatchTimes(NamedTuple):
    """A batch's times. `waited_s` includes waiting for locks, and `commit_s` includes the last writes."""

    size: int
    began_ns: int
    waited_s: float
    statements_s: float
    commit_s: float


_log = logging.getLogger(__name__)
# A function that is called after the commit with the traces of the batch's requests.
OnTimed = Callable[[Sequence[str | None], BatchTimes], None]


class TimedBatch:
    def __init__(
        self, batch: Prepared[Any], lines: Sequence[str | None], on_timed: OnTimed
    ) -> None:
        self._batch = batch
        self._lines = lines
        self._on_timed = on_timed
        self._began_ns = time.time_ns()
        self._made_s = self._run_s = self._decided_s = time.monotonic()

    @property
    def lock(self) -> Lock | None:
        return self._batch.lock

    def meanwhile(self) -> None:
        self._batch.meanwhile()

    async def run(self, tx: Transaction) -> Sequence[Any]:
        self._run_s = time.monotonic()
        results = await self._batch.run(tx)
        self._decided_s = time.monotonic()
        return results

    def on_committed(self) -> None:
        times = BatchTimes(
            size=len(self._lines),
            began_ns=self._began_ns,
            waited_s=self._run_s - self._made_s,
            statements_s=self._decided_s - self._run_s,
            commit_s=time.monotonic() - self._decided_s,
        )
        try:
            self._on_timed(self._lines, times)
        except Exception:
            # The batch is already committed. If this error were raised, the batch would run again.
            _log.exception("batch not told")


R_co = TypeVar("R_co", covariant=True)


class Command(Protocol[R_co]):
    def declare(self, read_set: ReadSet) -> None: ...

    def decide(self, state: BatchState) -> R_co:
        """Change the state and return the result, or raise a DomainError and change nothing."""
        ...


class LongCommand(Protocol[R_co]):
    def declare(self, read_set: ReadSet) -> None: ...

    async def decide_in_steps(
        self, state: BatchState, pause: Callable[[], Awaitable[None]]
    ) -> R_co:
        """Decide like Command.decide, but await pause() every few milliseconds. Nothing else may be awaited.

        The rows that were read don't change during a pause.
        """
        ...


R = TypeVar("R")


class _Request(msgspec.Struct, frozen=True, gc=False):
    command: Command[Any]
    key: RequestKey | None = None
    encode: Callable[[Any], StoredAnswer] | None = None
    trace: str | None = None


class _LongRequest(msgspec.Struct, frozen=True, gc=False):
    command: LongCommand[Any]
    key: RequestKey | None
    encode: Callable[[Any], StoredAnswer]
    trace: str | None


_AnyRequest = _Request | _LongRequest


class Engine:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        rules: Rules,
        *,
        connections: Database | None = None,
        on_batch: Callable[[int], None] | None = None,
        on_kept: Callable[[float], None] | None = None,
        on_timed: OnTimed | None = None,
    ) -> None:
        prepare = partial(_Batch, clock, rules)
        self.rules = rules
        self.database = database
        self.clock = clock
        self._batches: GroupCommit[_AnyRequest, Any] = GroupCommit(
            database if connections is None else connections,
            prepare if on_timed is None else partial(_timed, prepare, on_timed),
            tenancy=_Tenancy(rules),
            on_batch=on_batch,
            on_kept=on_kept,
        )

    def submit(self, command: Command[R]) -> Awaitable[R]:
        return self._batches.submit(_Request(command, trace=current_line.get()))

    def submit_once(
        self, command: Command[R], key: RequestKey | None, encode: Callable[[R], StoredAnswer]
    ) -> Awaitable[StoredAnswer]:
        """Return the durable response, or the response that is already stored under this key.

        `encode` runs inside the batch, so it must be pure and must not raise. If the command is refused, raise the
        refusal.
        """
        return self._batches.submit(_Request(command, key, encode, current_line.get()))

    def submit_long_once(
        self,
        command: LongCommand[R],
        key: RequestKey | None,
        encode: Callable[[R], StoredAnswer],
    ) -> Awaitable[StoredAnswer]:
        """Run a long command like submit_once, but in a separate transaction."""
        request = _LongRequest(command, key, encode, current_line.get())
        return self._batches.submit(request, is_long=True)

    async def rehearse(self, command: Command[R]) -> R:
        async def work(tx: Transaction) -> R:
            read_set = _read_set_of([_Request(command)], self.rules)
            state = BatchState(read_set, self.clock.now_us())
            await state.load(tx)
            return command.decide(state)

        return await self.database.read(work)

    @property
    def waiting_s(self) -> float:
        return self._batches.waiting_s

    @property
    def last_commit_at_s(self) -> float:
        return self._batches.last_commit_at_s

    @property
    def failed_s(self) -> float:
        return self._batches.failed_s

    @property
    def depth(self) -> int:
        return self._batches.depth

    @property
    def lock_timeouts(self) -> int:
        return self._batches.lock_timeouts

    async def close(self) -> None:
        await self._batches.close()


class _Tenancy:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def of(self, request: _AnyRequest, /) -> frozenset[object]:
        return frozenset(_read_set_of([request], self._rules).tenants)

    async def lock_free(self, tx: Transaction, tenants: frozenset[object]) -> AbstractSet[object]:
        return await lock_free_tenants(tx, cast(frozenset[Tenant], tenants))


class _Batch:
    def __init__(self, clock: Clock, rules: Rules, requests: Sequence[_AnyRequest]) -> None:
        self._clock = clock
        self._rules = rules
        self._requests = requests
        self._read_set: ReadSet | None = _read_set_of(requests, rules)
        self._working_sets = list(self._read_set.working_sets.values())
        self._is_prepared = False
        self.lock = tenants_lock(self._read_set.tenants)

    def meanwhile(self) -> None:
        self._is_prepared = True
        if isinstance(self._requests[0], _LongRequest):
            return
        for working_set in self._working_sets:
            working_set.prepare()

    def on_committed(self) -> None: ...

    async def run(self, tx: Transaction) -> Sequence[Any]:
        read_set, self._read_set = self._read_set, None
        if read_set is None:
            read_set = _read_set_of(self._requests, self._rules)
        elif not self._is_prepared:
            self.meanwhile()
        state = BatchState(read_set, self._clock.now_us())
        await state.load(tx)
        results = [
            await _decide_in_steps(request, state, tx.pause)
            if isinstance(request, _LongRequest)
            else _decide(request, state)
            for request in self._requests
        ]
        await state.flush(tx)
        return results


def _timed(
    prepare: Callable[[Sequence[_AnyRequest]], _Batch],
    on_timed: OnTimed,
    requests: Sequence[_AnyRequest],
) -> TimedBatch:
    return TimedBatch(prepare(requests), [request.trace for request in requests], on_timed)


def _read_set_of(requests: Sequence[_AnyRequest], rules: Rules) -> ReadSet:
    read_set = ReadSet(rules)
    keys = read_set.request_keys
    for request in requests:
        request.command.declare(read_set)
        if request.key is not None:
            keys.append(request.key)
    # The keys' tenants are locked too, so that requests with the same key run one after the other.
    read_set.tenants.update(Tenant(*whose) for whose in {key.place[:2] for key in keys})
    return read_set


def _decide(request: _Request, state: BatchState) -> Any:
    key = request.key
    changes = state.changes
    state.trace = request.trace
    try:
        if key is not None:
            stored = state.stored_answer(key)
            if stored is not None:
                return stored
        result = request.command.decide(state)
    except DomainError as refusal:
        assert state.changes == changes, "a refusal came after a change of the batch's state"
        return _without_frames(refusal)
    if request.encode is None:
        return result
    answer = request.encode(result)
    if key is not None:
        state.save_answer(key, answer)
    return answer


def _without_frames(refusal: DomainError) -> DomainError:
    """Remove the tracebacks, whose frames would keep the batch's state in memory for too long."""
    one: BaseException | None = refusal
    while one is not None:
        one.__traceback__ = None
        one = one.__context__
    return refusal


async def _decide_in_steps(
    request: _LongRequest, state: BatchState, pause: Callable[[], Awaitable[None]]
) -> StoredAnswer | DomainError:
    key = request.key
    changes = state.changes
    state.trace = request.trace
    try:
        if key is not None:
            stored = state.stored_answer(key)
            if stored is not None:
                return stored
        result = await request.command.decide_in_steps(state, pause)
    except DomainError as refusal:
        assert state.changes == changes, "a refusal came after a change of the batch's state"
        return _without_frames(refusal)
    await pause()
    answer = request.encode(result)
    if key is not None:
        state.save_answer(key, answer)
    await pause()
    return answer
