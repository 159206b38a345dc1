"""The interface to tracing for code that makes spans. runtime/traces/spans.py sends them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from billing.engine.engine import BatchTimes
from kernel.trace import Span

# Values by name. None means that there is no such value.
Attributes = Mapping[str, str | int | float | bool | None]


class Tracing(Protocol):
    """Accept spans. No method waits or raises."""

    def begin_request(self, line: str) -> Span | None:
        """Start an incoming request's span, in the trace of `line` or a new one. Return None if it isn't sampled."""
        ...

    def begin_call(self, line: str) -> Span | None:
        """Start an outgoing request's span in the trace of `line`. Return None without a trace, or if it isn't
        sampled.
        """
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
        """End the span. It lasted `duration_us`, or until now if that is None."""
        ...

    def add_call(
        self, line: str, name: str, attributes: Attributes, *, is_error: bool, duration_us: int
    ) -> None:
        """Add an outgoing request that has just ended and didn't pass its span to the receiver."""
        ...

    def note_batch(self, lines: Sequence[str | None], times: BatchTimes) -> None:
        """Add a span for a committed batch, linked to the spans of its requests."""
        ...
