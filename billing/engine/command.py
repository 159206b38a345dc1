"""What a command is: one request to move or to settle money."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet

R_co = TypeVar("R_co", covariant=True)


class Command(Protocol[R_co]):
    """Decided on the batch's state, together with others; R is what it results in."""

    def declare(self, read_set: ReadSet) -> None:
        """Adds the tenants to lock and the rows to read."""
        ...

    def decide(self, state: BatchState) -> R_co:
        """Changes the batch's state and returns the result, or raises a DomainError and changes nothing."""
        ...


class LongCommand(Protocol[R_co]):
    """One that takes many milliseconds to decide, and lets the process serve others meanwhile."""

    def declare(self, read_set: ReadSet) -> None:
        """As a command's."""
        ...

    async def decide_in_steps(
        self, state: BatchState, pause: Callable[[], Awaitable[None]]
    ) -> R_co:
        """As a command's decide. It waits for nothing but pause(), every few milliseconds, in which
        nothing that it looks at changes.
        """
        ...
