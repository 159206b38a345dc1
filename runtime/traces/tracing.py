"""Spans of what a process does, for the parts that make them; runtime/traces/spans.py sends them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from billing.engine.engine import BatchTimes
from kernel.trace import Span

# The values by name; None if there is no such value.
Attributes = Mapping[str, str | int | float | bool | None]


class Tracing(Protocol):
    """Takes spans; it waits for nothing and raises nothing."""

    def begin_request(self, line: str) -> Span | None:
        """Begin the span of an incoming request, in its line's trace or a new one; None if it isn't sampled."""
        ...

    def begin_call(self, line: str) -> Span | None:
        """Begin the span of an outgoing request in the line's trace; None without one, or if it isn't sampled."""
        ...

    def end(
        self,
        span: Span,
        name: str,
        attributes: Attributes,
        *,
        is_error: bool,
        duration_us: int | None = None,
    ) -> None:
        """End the span. duration_us: how long it took; None: until now."""
        ...

    def add_call(
        self, line: str, name: str, attributes: Attributes, *, is_error: bool, duration_us: int
    ) -> None:
        """Add an outgoing request that has just ended and passed its span to nobody."""
        ...

    def note_batch(self, lines: Sequence[str | None], times: BatchTimes) -> None:
        """Add a span for a committed batch, linked with those of its requests."""
        ...
