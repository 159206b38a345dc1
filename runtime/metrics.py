"""What the process counts, in Prometheus' terms; one registry for each process, none global.

Labels come from fixed lists (route templates, codes, error classes), never from a caller's text,
so the number of series is bounded.
"""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_ATTEMPT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Requests(Collector):
    """HTTP requests by route, method and status, and their times by route.

    Counted by the event loop alone, so without the locks of a Counter [1 us of a send against 3].
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        # For each route: requests by the bucket they fall into, and the sum of their seconds.
        self._times: dict[str, tuple[list[int], list[float]]] = {}

    def note(self, route: str, method: str, status: int, duration_s: float) -> None:
        key = (route, method, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        times = self._times.get(route)
        if times is None:
            times = self._times[route] = ([0] * (len(_SECONDS) + 1), [0.0])
        times[0][bisect_left(_SECONDS, duration_s)] += 1
        times[1][0] += duration_s

    def collect(self) -> Iterator[Metric]:
        counted = CounterMetricFamily(
            "topup_requests", "HTTP requests.", labels=("route", "method", "status")
        )
        for (route, method, status), count in self._counts.items():
            counted.add_metric((route, method, str(status)), count)
        yield counted
        timed = HistogramMetricFamily(
            "topup_request_seconds",
            "Seconds from the request's headers to the answer.",
            labels=("route",),
        )
        for route, (buckets, total_s) in self._times.items():
            timed.add_metric((route,), _cumulative(buckets), total_s[0])
        yield timed


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    """(upper bound, requests up to it) as Prometheus wants them."""
    bounds = [*(str(float(bound)) for bound in _SECONDS), "+Inf"]
    return [(bound, sum(buckets[: place + 1])) for place, bound in enumerate(bounds)]


class Metrics:
    """The counters of one gateway or worker."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Requests()
        self._registry.register(self.requests)
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
