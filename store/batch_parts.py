"""What group commit is made of: the commands that wait, and what their owner says about them."""

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
# Who has waited for so long since they came, with their command under way, is told that its outcome is not known yet.
ANSWER_MAX_S = 9.0


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

    def kept(self) -> None:
        """The commit happened, and its commands are answered. It raises nothing."""
        ...


class Tenancy(Protocol[C_contra]):
    """Whose rows commands lock, asked for only where somebody else holds some of them."""

    def of(self, command: C_contra, /) -> Tenants:
        """The tenants that the command locks."""
        ...

    async def lock_free(self, tx: Transaction, tenants: Tenants, /) -> AbstractSet[object]:
        """Locks those that nobody else holds until the end of the transaction, and returns them."""
        ...


class Waiting(msgspec.Struct, Generic[C, R], eq=False):
    """One command that was accepted. tenants: None while nobody has asked for them. is_long: it takes
    so long that nobody else's is to be answered with it.
    """

    command: C
    since_s: float
    future: "asyncio.Future[R]"
    tenants: Tenants | None = None
    is_long: bool = False


class BatchWatch:
    """Calls look(age in seconds) after first_s, and again whenever it says, until cancelled."""

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
    """Nothing of it was kept."""
    return Unavailable("the database is away", retry_after_s=RETRY_AFTER_S)


def unknown() -> Unavailable:
    """It may have been kept."""
    return Unavailable(
        "the database does not say yet whether it was done: repeat it with the same Idempotency-Key,"
        " or look for it before you do it again",
        retry_after_s=RETRY_AFTER_S,
    )


def fail(batch: Iterable[Waiting[C, R]], error: Exception) -> None:
    for waiting in batch:
        if not waiting.future.done():
            waiting.future.set_exception(error)
