"""A command: one request to move or settle money."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet

R_co = TypeVar("R_co", covariant=True)


class Command(Protocol[R_co]):
    def declare(self, read_set: ReadSet) -> None: ...

    def decide(self, state: BatchState) -> R_co:
        """Change the state and return the result, or raise a DomainError and change nothing."""
        ...


class LongCommand(Protocol[R_co]):
    """A command that takes many milliseconds and lets the process serve others meanwhile."""

    def declare(self, read_set: ReadSet) -> None: ...

    async def decide_in_steps(
        self, state: BatchState, pause: Callable[[], Awaitable[None]]
    ) -> R_co:
        """Decide, awaiting only pause(), every few milliseconds. Nothing read changes in a pause."""
        ...
