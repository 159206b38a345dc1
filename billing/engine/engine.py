"""The engine: every command that moves money joins the batch being gathered and is answered once the
batch is durable.

A command names the tenants it touches, declares what it needs, decides on the batch's state and renders its
answer, all before the commit: so the stored answer of an idempotent request is the very bytes that
are sent. A refusal (DomainError) comes before the first change to the batch's state, which is checked.
"""

from collections.abc import Awaitable, Callable, Sequence, Set as AbstractSet
from functools import partial
from typing import Any, Protocol, cast

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet
from billing.engine.rules import Rules
from kernel.clock import Clock
from kernel.errors import DomainError
from keys.account import lock_free_scopes, scopes_lock
from keys.principal import Scope
from store.batch import GroupCommit
from store.database import Database, Transaction
from store.idempotency import Answer, RequestKey


class Decision(Protocol):
    """What needs the batch's state to be decided."""

    def declare(self, read_set: ReadSet) -> None:
        """Adds the tenants to lock and the rows to read."""
        ...

    def decide(self, state: BatchState) -> Any:
        """Changes the batch's state and returns the result, or raises a DomainError and changes nothing."""
        ...


class Command(Decision, Protocol):
    """One request to move or to settle money."""

    @property
    def request_key(self) -> RequestKey | None: ...

    def render(self, result: Any) -> Answer:
        """The answer's bytes."""
        ...


class Engine:
    """Group-commits commands; one for each process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rules: Rules,
        *,
        connections: Database | None = None,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        """connections: the same database over connections that only the engine uses."""
        self.rules = rules
        self._database = database
        self._clock = clock
        self._batches: GroupCommit[Command, Answer] = GroupCommit(
            database if connections is None else connections,
            partial(_Batch, clock, rules),
            tenancy=_Tenancy(),
            on_batch=on_batch,
        )

    def submit(self, command: Command) -> Awaitable[Answer]:
        """The command's answer once it is durable; raises its refusal, or Unavailable."""
        return self._batches.submit(command)

    async def rehearse(self, command: Decision) -> Any:
        """Decides the command on a snapshot and returns its result; writes nothing."""

        async def work(tx: Transaction) -> Any:
            state = BatchState(self.rules, self._clock.now_us())
            await state.load(tx, _read_set_of([command]))
            return command.decide(state)

        return await self._database.read(work)

    @property
    def waiting_s(self) -> float:
        """Age in seconds of the oldest command that is not answered yet; see GroupCommit."""
        return self._batches.waiting_s

    @property
    def kept_s(self) -> float:
        """When a batch was last committed, on the monotonic clock; minus infinity: never."""
        return self._batches.kept_s

    @property
    def failed_s(self) -> float:
        """When the database last failed to keep a batch, on the same clock."""
        return self._batches.failed_s

    async def close(self) -> None:
        await self._batches.close()


class _Tenancy:
    """The tenants whose rows a command locks."""

    def of(self, command: Command) -> frozenset[object]:
        return frozenset(_read_set_of([command]).scopes)

    async def lock_free(self, tx: Transaction, tenants: frozenset[object]) -> AbstractSet[object]:
        return await lock_free_scopes(tx, cast(frozenset[Scope], tenants))


class _Batch:
    """Decides and writes one batch."""

    def __init__(self, clock: Clock, rules: Rules, commands: Sequence[Command]) -> None:
        self._clock = clock
        self._rules = rules
        self._commands = commands
        # Loading adds to them, so that another try needs its own.
        self._read_set: ReadSet | None = _read_set_of(commands)
        self._voucher_ids = self._read_set.voucher_ids
        self._codes: dict[str, str] = {}
        self.lock = scopes_lock(self._read_set.scopes)

    def meanwhile(self) -> None:
        """Voucher codes depend on nothing but the top-ups' ids [5 us each]."""
        code_of = self._rules.codes.code_of
        for topup_id in self._voucher_ids:
            self._codes[topup_id] = code_of(topup_id)

    async def run(self, tx: Transaction) -> Sequence[Answer | BaseException]:
        read_set, self._read_set = self._read_set or _read_set_of(self._commands), None
        state = BatchState(self._rules, self._clock.now_us(), self._codes)
        await state.load(tx, read_set)
        results = [_decide(command, state) for command in self._commands]
        await state.flush(tx)
        return results


def _read_set_of(commands: Sequence[Decision]) -> ReadSet:
    read_set = ReadSet()
    for command in commands:
        command.declare(read_set)
    return read_set


def _decide(command: Command, state: BatchState) -> Answer | DomainError:
    key = command.request_key
    changes = state.changes
    try:
        if key is not None:
            stored = state.stored_answer(key)
            if stored is not None:
                return stored
        answer = command.render(command.decide(state))
    except DomainError as refusal:
        assert state.changes == changes, "a refusal came after a change of the batch's state"
        return refusal
    if key is not None:
        state.keep_answer(key, answer)
    return answer
