"""What a worker counts of its work; runtime/metrics.py says what each figure means.

Invariant: called on the event loop once the outcome is written, so nothing here waits or fails.
"""

import time

from kernel.clock import SECOND_US
from runtime.metrics import Metrics
from webhooks.deliveries.stage import LOST
from worker.deliver import Settled, log_attempt


def report(metrics: Metrics, settled: Settled) -> None:
    """The attempt's line in the log, and its figures."""
    log_attempt(settled)
    claimed, settlement = settled.sent
    environment, attempt = claimed.environment, settlement.attempt
    if not settled.is_held:
        metrics.claims_lost.add(environment)
        return
    metrics.attempts.add(attempt.error or "none", environment)
    if attempt.error != LOST:
        metrics.attempt_seconds.observe(attempt.duration_us / SECOND_US)
        if claimed.number == 1 and not claimed.was_held:
            lag_us = max(0, attempt.started_at - claimed.created_at)
            metrics.lag_seconds.observe(lag_us / SECOND_US, environment)
    if settlement.next_attempt_at_us is None:
        metrics.deliveries.add(settlement.status, environment)


def note_chore(metrics: Metrics, name: str) -> None:
    """That it ended well, now."""
    metrics.chore_ended.set(time.time(), name)
