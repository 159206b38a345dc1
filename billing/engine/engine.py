"""The till: every command that moves money joins the batch being gathered and is answered once the
batch is durable.

A command names the tenants it touches, declares what it needs, decides on the books and renders its
answer, all before the commit: so the stored answer of an idempotent request is the very bytes that
are sent. A refusal (DomainError) comes before the first change to the books, which is checked.
"""

from collections.abc import Awaitable, Callable, Sequence, Set as AbstractSet
from functools import partial
from typing import Any, Protocol, cast

from billing.engine.batch_state import Books
from billing.engine.read_set import Needs
from billing.engine.rules import Rules
from kernel.clock import Clock
from kernel.errors import DomainError
from keys.account import lock_free_scopes, scopes_lock
from keys.principal import Scope
from store.batch import GroupCommit
from store.database import Database, Transaction
from store.idempotency import Answer, RequestKey


class Decision(Protocol):
    """What needs the books to be decided."""

    def declare(self, needs: Needs) -> None:
        """Adds the tenants to lock and the rows to read."""
        ...

    def decide(self, books: Books) -> Any:
        """Changes the books and returns the result, or raises a DomainError and changes nothing."""
        ...


class Command(Decision, Protocol):
    """One request to move or to settle money."""

    @property
    def request_key(self) -> RequestKey | None: ...

    def render(self, result: Any) -> Answer:
        """The answer's bytes."""
        ...


class Till:
    """Group-commits commands; one for each process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rules: Rules,
        *,
        engine: Database | None = None,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        """engine: the same database over connections that only the till uses."""
        self.rules = rules
        self._database = database
        self._clock = clock
        self._batches: GroupCommit[Command, Answer] = GroupCommit(
            database if engine is None else engine,
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
            books = Books(self.rules, self._clock.now_us())
            await books.load(tx, _needs_of([command]))
            return command.decide(books)

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
        return frozenset(_needs_of([command]).scopes)

    async def lock_free(self, tx: Transaction, tenants: frozenset[object]) -> AbstractSet[object]:
        return await lock_free_scopes(tx, cast(frozenset[Scope], tenants))


class _Batch:
    """Decides and writes one batch."""

    def __init__(self, clock: Clock, rules: Rules, commands: Sequence[Command]) -> None:
        self._clock = clock
        self._rules = rules
        self._commands = commands
        # Loading adds to them, so that another try needs its own.
        self._needs: Needs | None = _needs_of(commands)
        self._voucher_ids = self._needs.voucher_ids
        self._codes: dict[str, str] = {}
        self.lock = scopes_lock(self._needs.scopes)

    def meanwhile(self) -> None:
        """Voucher codes depend on nothing but the top-ups' ids [5 us each]."""
        code_of = self._rules.codes.code_of
        for topup_id in self._voucher_ids:
            self._codes[topup_id] = code_of(topup_id)

    async def run(self, tx: Transaction) -> Sequence[Answer | BaseException]:
        needs, self._needs = self._needs or _needs_of(self._commands), None
        books = Books(self._rules, self._clock.now_us(), self._codes)
        await books.load(tx, needs)
        results = [_decide(command, books) for command in self._commands]
        await books.flush(tx)
        return results


def _needs_of(commands: Sequence[Decision]) -> Needs:
    needs = Needs()
    for command in commands:
        command.declare(needs)
    return needs


def _decide(command: Command, books: Books) -> Answer | DomainError:
    key = command.request_key
    changes = books.changes
    try:
        if key is not None:
            stored = books.stored_answer(key)
            if stored is not None:
                return stored
        answer = command.render(command.decide(books))
    except DomainError as refusal:
        assert books.changes == changes, "a refusal came after a change to the books"
        return refusal
    if key is not None:
        books.keep_answer(key, answer)
    return answer
