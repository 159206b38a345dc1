"""Count a worker's work; runtime/metrics.py describes each figure.

Called on the event loop after the outcome is written, so nothing here waits or fails.
"""

import time
from typing import Final

from kernel.clock import SECOND_US
from runtime.metrics import Metrics
from webhooks.deliveries.stage import LOST, Claimed
from worker.deliver import Settled, log_attempt
from worker.fulfilment_runner import SupplierCall

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
