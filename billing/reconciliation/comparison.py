"""One comparison: what a part of the daily reconciliation looks at, and what it says at its end."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Comparison:
    """A run of a part under way. since: from when on it looks, in microseconds.

    subjects: what its open differences are about, which it looks at again, however old. checked: how
    much it has compared; mark: what the next one goes on from; unanswered: subjects of which nothing was
    heard, so that their differences stay as they are.
    """

    environment: str
    part: str
    since: int
    now_us: int
    subjects: frozenset[str] = frozenset()
    checked: int = 0
    mark: str | None = None
    unanswered: set[str] = field(default_factory=set)
