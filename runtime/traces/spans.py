"""Send spans with OpenTelemetry's SDK, which reads its own OTEL_ variables.

A thread sends queued spans, so nothing waits for a collector. If the collector is unreachable, spans are dropped
and counted. Closing waits at most CLOSE_S.
"""

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_BSP_MAX_QUEUE_SIZE
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span as SdkSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from prometheus_client import Counter

from billing.engine.engine import BatchTimes
from kernel.trace import Span, named_span_of
from runtime.log import mask
from runtime.traces.tracing import Attributes

SERVICE: Final = "topup-gateway"
CLOSE_S: Final = 2.0
QUEUE_MAX: Final = 2_048  # the SDK's default
# A span never ends if its task was cancelled. It is dropped when other spans need its place.
UNDER_WAY_MAX: Final = 16_384
_US_NS: Final = 1_000
_SECOND_NS: Final = 1_000_000_000


class Spans:
    """Implement runtime.traces.tracing.Tracing. Each process has one. Raise ValueError if a variable is wrong."""

    def __init__(self, dropped: Counter) -> None:
        exporter = _CountedExporter(OTLPSpanExporter(), dropped)
        self._queue = _CountedQueue(exporter, dropped, _queue_max())
        resource = _resource()
        self._tracer = _provider(resource, self._queue).get_tracer(SERVICE)
        # A batch's span needs no sampler. It is recorded if the span of one of its requests is recorded.
        batches = _provider(resource, self._queue, is_always_on=True)
        self._batch_tracer = batches.get_tracer(SERVICE)
        self._under_way: dict[str, SdkSpan] = {}

    def begin_request(self, line: str) -> Span | None:
        return self._begin(line, SpanKind.SERVER, _context_of(line) or Context())

    def begin_call(self, line: str) -> Span | None:
        context = _context_of(line)
        return None if context is None else self._begin(line, SpanKind.CLIENT, context)

    def end(
        self,
        span: Span,
        name: str,
        attributes: Attributes,
        *,
        is_error: bool,
        duration_us: int | None = None,
    ) -> None:
        made = self._under_way.pop(span.line, None)
        if made is not None:
            _end(made, name, attributes, is_error=is_error, duration_us=duration_us)

    def add_call(
        self, line: str, name: str, attributes: Attributes, *, is_error: bool, duration_us: int
    ) -> None:
        context = _context_of(line)
        if context is None:
            return
        start_ns = time.time_ns() - duration_us * _US_NS
        made = self._tracer.start_span(name, context, SpanKind.CLIENT, start_time=start_ns)
        if isinstance(made, SdkSpan):
            _end(made, name, attributes, is_error=is_error, duration_us=duration_us)

    def note_batch(self, lines: Sequence[str | None], times: BatchTimes) -> None:
        found = (self._under_way.get(line) for line in dict.fromkeys(lines) if line is not None)
        requests = [made for made in found if made is not None]
        if not requests:
            return
        batch = self._batch_tracer.start_span(
            "batch",
            Context(),
            links=[Link(made.get_span_context()) for made in requests],
            start_time=times.began_ns,
            attributes={
                "topup.batch.size": times.size,
                "topup.batch.waited_ms": _ms(times.waited_s),
                "topup.batch.statements_ms": _ms(times.statements_s),
                "topup.batch.commit_ms": _ms(times.commit_s),
            },
        )
        # The span ends when the batch did, not now. Work done since then isn't part of it.
        took_s = times.waited_s + times.statements_s + times.commit_s
        batch.end(times.began_ns + round(took_s * _SECOND_NS))
        for made in requests:
            made.add_link(batch.get_span_context())

    async def close(self) -> None:
        """Send the queued spans. Those that the collector doesn't accept within CLOSE_S are lost."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def shut_down() -> None:
            self._queue.shutdown()  # type: ignore[no-untyped-call]
            # The event loop may already be closed.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)

        # A daemon thread doesn't keep the process from ending.
        threading.Thread(target=shut_down, name="spans", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await ended.wait()

    def _begin(self, line: str, kind: SpanKind, context: Context) -> Span | None:
        made = self._tracer.start_span("unnamed", context, kind)
        if not isinstance(made, SdkSpan):
            return None
        ids = made.get_span_context()
        span = named_span_of(line)._replace(
            trace_id=f"{ids.trace_id:032x}",
            span_id=f"{ids.span_id:016x}",
            flags=f"{ids.trace_flags:02x}",
        )
        if len(self._under_way) >= UNDER_WAY_MAX:
            del self._under_way[next(iter(self._under_way))]
        self._under_way[span.line] = made
        return span


class _CountedExporter(SpanExporter):
    def __init__(self, exporter: SpanExporter, dropped: Counter) -> None:
        self.taken = 0
        self._exporter = exporter
        self._dropped = dropped

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._dropped.labels("not_taken").inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _CountedQueue(BatchSpanProcessor):
    """The SDK's queue, except that a full queue drops the new span and counts it."""

    def __init__(self, exporter: _CountedExporter, dropped: Counter, spans_max: int) -> None:
        super().__init__(exporter, max_queue_size=spans_max)
        self._counted = exporter
        self._dropped = dropped
        self._spans_max = spans_max
        self._put = 0

    def on_end(self, span: ReadableSpan) -> None:
        if self._put - self._counted.taken >= self._spans_max:
            self._dropped.labels("full").inc()
            return
        self._put += 1
        super().on_end(span)


def _queue_max() -> int:
    given = os.environ.get(OTEL_BSP_MAX_QUEUE_SIZE, "")
    return int(given) if given else QUEUE_MAX


def _provider(
    resource: Resource, queue: BatchSpanProcessor, *, is_always_on: bool = False
) -> TracerProvider:
    sampler = ALWAYS_ON if is_always_on else None
    made = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    made.add_span_processor(queue)
    return made


def _resource() -> Resource:
    is_named = SERVICE_NAME in OTELResourceDetector().detect().attributes
    return Resource.create({} if is_named else {SERVICE_NAME: SERVICE})


def _context_of(line: str) -> Context | None:
    named = named_span_of(line)
    if named.trace_id is None or named.span_id is None:
        return None
    parent = SpanContext(
        int(named.trace_id, 16),
        int(named.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(named.flags, 16)),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _end(
    made: SdkSpan, name: str, attributes: Attributes, *, is_error: bool, duration_us: int | None
) -> None:
    made.update_name(mask(name))
    for key, value in attributes.items():
        if value is not None:
            made.set_attribute(key, mask(value) if isinstance(value, str) else value)
    if is_error:
        made.set_status(Status(StatusCode.ERROR))
    start_ns = made.start_time
    if duration_us is None or start_ns is None:
        made.end()
    else:
        made.end(start_ns + duration_us * _US_NS)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
