"""A collector of OpenTelemetry's on loopback, which keeps what it was sent over OTLP."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from tests.support.receiver import Receiver

PAUSE_S = 0.02
WAIT_S_MAX = 20.0


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """One span; ids in hex, parent_id empty at a root."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    is_error: bool
    took_ns: int
    links: tuple[tuple[str, str], ...]  # trace and span
    attributes: Mapping[str, Any]


@dataclass
class Collector:
    """What came at a receiver, which answers 200."""

    receiver: Receiver = field(default_factory=Receiver)

    @property
    def variables(self) -> dict[str, str]:
        """What a process that sends its spans here has in its environment."""
        return {
            "TOPUP_TRACING": "on",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.receiver.port}",
            "OTEL_SERVICE_NAME": "topup-test",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    @property
    def spans(self) -> list[CollectedSpan]:
        return [span for body in self.bodies for span in _spans(body)]

    @property
    def bodies(self) -> list[bytes]:
        return [one.body for one in self.receiver.received]

    async def until(self, is_there: Callable[[list[CollectedSpan]], bool]) -> list[CollectedSpan]:
        """The spans, once they are as asked for."""
        deadline_s = time.monotonic() + WAIT_S_MAX
        while not is_there(spans := self.spans):
            assert time.monotonic() < deadline_s, [(one.name, one.attributes) for one in spans]
            await asyncio.sleep(PAUSE_S)
        return spans


def _spans(body: bytes) -> Iterator[CollectedSpan]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        of = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            yield from (_span(of["service.name"], span) for span in scope.spans)


def _span(service: str, span: SpanMessage) -> CollectedSpan:
    return CollectedSpan(
        service=service,
        name=span.name,
        kind=SpanMessage.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        is_error=span.status.code == span.status.STATUS_CODE_ERROR,
        took_ns=span.end_time_unix_nano - span.start_time_unix_nano,
        links=tuple((one.trace_id.hex(), one.span_id.hex()) for one in span.links),
        attributes={
            one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
            for one in span.attributes
        },
    )
