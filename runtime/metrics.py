"""What the process counts, in Prometheus' terms; one registry for each process, none global.

Labels come from fixed lists (route templates, codes, error classes), never from a caller's text,
so the number of series is bounded.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_ATTEMPT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """The counters of one gateway or worker."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = self._counter(
            "topup_requests", "HTTP requests.", "route", "method", "status"
        )
        self.request_seconds = Histogram(
            "topup_request_seconds",
            "Seconds from the request's headers to the answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.sends = self._counter(
            "topup_sends", "Top-ups by answer code and environment.", "code", "environment"
        )
        self.deliveries = self._counter(
            "topup_deliveries", "Webhook deliveries that ended, by status.", "status"
        )
        self.attempts = self._counter(
            "topup_attempts", "Webhook attempts by error class; none is a success.", "error"
        )
        self.attempt_seconds = Histogram(
            "topup_attempt_seconds",
            "Seconds of one webhook attempt.",
            buckets=_ATTEMPT_SECONDS,
            registry=self._registry,
        )
        self.notifications = self._counter(
            "topup_payment_notifications",
            "Payment providers' notifications by provider and outcome, or why not believed.",
            "provider",
            "outcome",
        )
        self.oldest_due_seconds = Gauge(
            "topup_oldest_due_seconds",
            "Seconds that the longest due webhook delivery of an enabled endpoint has waited.",
            registry=self._registry,
        )
        self.overlooked_seconds = Gauge(
            "topup_overlooked_seconds",
            "The same of endpoints that no worker looks after; above 0 the gateway is unready.",
            registry=self._registry,
        )
        self.queue_depth = Gauge(
            "topup_queue_depth",
            "Commands waiting for the next group commit.",
            registry=self._registry,
        )
        self.statements = Gauge(
            "topup_statements",
            "Driver-level statements of this process so far, BEGIN and COMMIT included.",
            registry=self._registry,
        )
        self.batch_size = Histogram(
            "topup_batch_size",
            "Commands in one group commit.",
            ["batch"],
            buckets=_BATCH_SIZES,
            registry=self._registry,
        )

    def render(self) -> bytes:
        """The text of GET /metrics, of type CONTENT_TYPE."""
        return generate_latest(self._registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)
