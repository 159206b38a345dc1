"""The till: every command that moves money joins the batch being gathered and is answered once the
batch is durable.

A command names the tenants it touches, declares what it needs, decides on the books and renders its
answer, all before the commit: so the stored answer of an idempotent request is the very bytes that
are sent. A refusal (DomainError) comes before the first change to the books, which is checked.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from billing.books import Books, Rules
from billing.needs import Needs
from kernel.clock import Clock
from kernel.errors import DomainError
from keys.account import scopes_lock
from store.batch import GroupCommit
from store.db import Database, Transaction
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
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self.rules = rules
        self._database = database
        self._clock = clock
        self._batches: GroupCommit[Command, Answer] = GroupCommit(
            database, partial(_Batch, clock, rules), on_batch=on_batch
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
        """Age of the oldest waiting command in seconds."""
        return self._batches.waiting_s

    async def close(self) -> None:
        await self._batches.close()


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
