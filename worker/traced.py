"""Count a worker's work, and trace it if tracing is on: webhook attempts and suppliers.

A span holds only IDs and figures: no address, body or name. Counting runs after the outcome is written.
"""

import json
import time
from functools import partial
from typing import Final, NamedTuple

from kernel.clock import SECOND_US
from kernel.trace import Span, request_id_of, span_of
from runtime.context import Context
from runtime.metrics import Metrics
from runtime.traces.tracing import Attributes, Tracing
from webhooks.deliveries.stage import LOST, Claimed
from worker.deliver import Report, Settled, SpanOf, log_attempt
from worker.fulfilment_runner import OnCall, SupplierCall

# Attempts of a usual schedule with their own labels; a schedule may have twenty.
NUMBERS_MAX: Final = 3


def report(metrics: Metrics, settled: Settled) -> None:
    log_attempt(settled)
    claimed, settlement, _ = settled.sent
    environment, attempt = claimed.environment, settlement.attempt
    if not settled.is_held:
        metrics.claims_lost.add(environment)
        return
    metrics.attempts.add(attempt.error or "none", environment)
    if attempt.error != LOST:
        metrics.attempt_seconds.observe(attempt.duration_us / SECOND_US)
        if not claimed.was_held:
            _report_lag(metrics, claimed, attempt.started_at)
    if settlement.next_attempt_at_us is None:
        metrics.deliveries.add(settlement.status, environment)


def _report_lag(metrics: Metrics, claimed: Claimed, started_at_us: int) -> None:
    """Count how late an attempt began; a held one was meant to wait."""
    number, environment = claimed.number, claimed.environment
    if number == 1:
        lag_us = max(0, started_at_us - claimed.created_at)
        metrics.lag_seconds.observe(lag_us / SECOND_US, environment)
    if claimed.due_at is not None:
        lag_us = max(0, started_at_us - claimed.due_at)
        shown = str(number) if number <= NUMBERS_MAX else "more"
        metrics.attempt_lag_seconds.observe(lag_us / SECOND_US, shown, environment)


def record_call(metrics: Metrics, call: SupplierCall) -> None:
    metrics.supplier_seconds.observe(call.duration_s, call.topup.platform, call.outcome)


def note_pruned(metrics: Metrics, lag_us: int) -> None:
    """Show by how much the oldest row has outlived its retention; 0 if none has."""
    metrics.pruning_lag_seconds.set(lag_us / SECOND_US)


def note_chore(metrics: Metrics, name: str) -> None:
    metrics.chore_ended.set(time.time(), name)


_NO_WORD: Final = "unknown"


class Telling(NamedTuple):
    span_of: SpanOf
    report: Report
    record_call: OnCall


def telling(context: Context) -> Telling:
    metrics, tracing = context.metrics, context.tracing
    if tracing is None:
        return Telling(span_of, partial(report, metrics), partial(record_call, metrics))
    spans = _WorkerSpans(metrics, tracing)
    return Telling(spans.span_of, spans.report, spans.record_call)


class _WorkerSpans:
    """Replaces `span_of`, `report` and `record_call`, and does what they do."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def span_of(self, line: str) -> Span:
        """Return the attempt's span; unsampled or without a trace, as if tracing were off."""
        return self._tracing.begin_call(line) or span_of(line)

    def report(self, settled: Settled) -> None:
        report(self._metrics, settled)
        span = settled.sent.span
        if span is None:
            return
        attempt = settled.sent.settlement.attempt
        is_error = attempt.error is not None
        attributes = _of_attempt(settled, span)
        self._tracing.end(
            span, "webhook", attributes, is_error=is_error, duration_us=attempt.duration_us
        )

    def record_call(self, call: SupplierCall) -> None:
        record_call(self._metrics, call)
        topup, attempt = call.topup, call.attempt
        if topup.trace is None:
            return
        attributes: Attributes = {
            "topup.request_id": request_id_of(topup.trace),
            "topup.transaction_id": topup.id,
            "topup.environment": topup.environment,
            "topup.platform": topup.platform,
            "topup.supplier": attempt.supplier,
            "topup.attempt": attempt.requests_made,
            "topup.outcome": call.outcome,
        }
        self._tracing.add_call(
            topup.trace,
            "supplier",
            attributes,
            is_error=call.outcome == _NO_WORD,
            duration_us=round(call.duration_s * SECOND_US),
        )


def _of_attempt(settled: Settled, span: Span) -> Attributes:
    claimed, settlement, _ = settled.sent
    attempt = settlement.attempt
    timings: dict[str, float] = json.loads(attempt.timings_ms)
    return {
        "http.request.method": "POST",
        "http.response.status_code": attempt.http_status,
        "error.type": attempt.error,
        "topup.request_id": span.request_id,
        "topup.transaction_id": claimed.transaction_id,
        "topup.environment": claimed.environment,
        "topup.event_id": claimed.event_id,
        "topup.event_type": claimed.event_type,
        "topup.endpoint_id": claimed.target.id,
        "topup.delivery_id": claimed.id,
        "topup.attempt": claimed.number,
        "topup.attempt_id": attempt.id,
        "topup.delivery_status": settlement.status,
        "topup.is_stale": not settled.is_held,
        **{f"topup.{name}_ms": value for name, value in timings.items()},
    }
