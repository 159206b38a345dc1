"""What."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Comparison:
    """since: from when it compares. subjects: of its open differences, checked again. mark: where the next
    run continues. unanswered: subjects without a response, whose differences stay.
    """

    environment: str
    part: str
    since: int
    now_us: int
    subjects: frozenset[str] = frozenset()
    checked: int = 0
    mark: str | None = None
    unanswered: set[str] = field(default_factory=set)
