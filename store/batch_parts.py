"""The parts of group commit: the waiting commands, and their owner's Prepared and Tenancy."""

import asyncio
from collections.abc import Callable, Iterable, Sequence, Set as AbstractSet
from typing import Generic, Protocol, TypeVar

import msgspec

from kernel.errors import Unavailable
from store.database import Lock, Transaction

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Tenants = frozenset[object]

RETRY_AFTER_S = 1
# Afterwards the caller learns that the outcome isn't known yet.
ANSWER_MAX_S = 9.0


class Prepared(Protocol[R_co]):
    """Decides and writes one batch in one transaction, with the same statements for any size."""

    @property
    def lock(self) -> Lock | None: ...

    def meanwhile(self) -> None:
        """Do work that needs no database. It may be called late, or never."""
        ...

    async def run(self, tx: Transaction) -> Sequence["R_co | BaseException"]:
        """Return one result or refusal for each command, in order. It may run again."""
        ...

    def kept(self) -> None:
        """Handle the commit after its commands are answered; raise nothing."""
        ...


class Tenancy(Protocol[C_contra]):
    """Says whose rows a command locks."""

    def of(self, command: C_contra, /) -> Tenants: ...

    async def lock_free(self, tx: Transaction, tenants: Tenants, /) -> AbstractSet[object]:
        """Lock and return the tenants that no other transaction holds."""
        ...


class Waiting(msgspec.Struct, Generic[C, R], eq=False):
    command: C
    since_s: float
    future: "asyncio.Future[R]"
    tenants: Tenants | None = None
    is_long: bool = False


class BatchWatch:
    """Calls look(age in seconds) after first_s and then whenever look says, until cancelled."""

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
        "The outcome isn't known yet. Retry with the same Idempotency-Key, or check "
        "before you do it again.",
        retry_after_s=RETRY_AFTER_S,
    )


def fail(batch: Iterable[Waiting[C, R]], error: Exception) -> None:
    for waiting in batch:
        if not waiting.future.done():
            waiting.future.set_exception(error)
