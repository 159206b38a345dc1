"""One comparison: what a part of the daily reconciliation compares, and what it reports."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Comparison:
    """A part's run under way. since: from when it compares, in microseconds.

    subjects: what its open differences are about; they are checked again, however old. checked: how much it
    has compared. mark: where the next one continues. unanswered: subjects without a response, whose
    differences stay as they are.
    """

    environment: str
    part: str
    since: int
    now_us: int
    subjects: frozenset[str] = frozenset()
    checked: int = 0
    mark: str | None = None
    unanswered: set[str] = field(default_factory=set)
