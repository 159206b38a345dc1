"""One comparison: what a part of the daily reconciliation looks at, and what it says at its end."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from billing.reconciliation.kinds import FoundDifference


@dataclass(slots=True)
class Comparison:
    """A run of a part under way. since: from when on it looks, in microseconds.

    subjects: what its open differences are about, which it looks at again, however old. checked: how
    much it has compared; mark: what the next one goes on from.
    """

    environment: str
    part: str
    since: int
    now_us: int
    subjects: frozenset[str] = frozenset()
    checked: int = 0
    mark: str | None = None


# Yields what differs; raises ProviderUnavailable where the other side cannot be asked now.
Compare = Callable[[Comparison], AsyncIterator[FoundDifference]]
