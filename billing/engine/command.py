"""What a command is: one request to move or to settle money."""

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
