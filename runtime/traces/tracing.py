"""Define the interface for code that makes spans. runtime/traces/spans.py implements it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from billing.engine.engine import BatchTimes
from kernel.trace import Span

# Values by name. None means that there is no value.
Attributes = Mapping[str, str | int | float | bool | None]


class Tracing(Protocol):
    """Accept spans. No method waits or raises."""

    def begin_request(self, line: str) -> Span | None:
        """Start a span for an incoming request, in the trace that `line` names or in a new one. Return None if the
        trace isn't sampled.
        """
        ...

    def begin_call(self, line: str) -> Span | None:
        """Start a span for an outgoing request. Return None if `line` names no trace, or if the trace isn't sampled."""
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
        """End the span after `duration_us`, or now if that is None."""
        ...

    def add_call(
        self, line: str, name: str, attributes: Attributes, *, is_error: bool, duration_us: int
    ) -> None:
        """Add a span for an outgoing request that has just ended. The request didn't carry the span's ID."""
        ...

    def note_batch(self, lines: Sequence[str | None], times: BatchTimes) -> None:
        """Add a span for a committed batch, and link it to the spans of its requests."""
        ...
