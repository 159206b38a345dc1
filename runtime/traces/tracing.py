"""Spans of what a process does, as the parts that make them know it; runtime/traces/spans.py sends them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from billing.engine.timed_batch import BatchTimes
from kernel.trace import Span

# By name; None: there is no such value.
Attributes = Mapping[str, str | int | float | bool | None]


class Tracing(Protocol):
    """What takes spans; it waits for nobody and raises nothing."""

    def begin_request(self, line: str) -> Span | None:
        """The span of a request that came, in the trace that its line names, or in a new one; None: it is not
        sampled. Whoever begins it ends it.
        """
        ...

    def begin_call(self, line: str) -> Span | None:
        """The span of a request of ours to somebody, in the line's trace. None: there is none, or it is not
        sampled; no trace is begun.
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
        """duration_us: how long it took; None: until now."""
        ...

    def add_call(
        self, line: str, name: str, attributes: Attributes, *, is_error: bool, duration_us: int
    ) -> None:
        """A call as above that has just ended, and told nobody its span."""
        ...

    def note_batch(self, lines: Sequence[str | None], times: BatchTimes) -> None:
        """A batch was kept, with commands of these requests: a span that theirs are linked with."""
        ...
