"""Define a process's metrics for Prometheus, in their own registry.

Label values come from fixed lists or from the operator, never from a caller. So the number of series is
bounded. Only the event loop uses the metrics, so they need no locks.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from kernel import version


class PlainCounter(Collector):
    """A counter for each combination of label values. A combination is exported after its first count."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._counts: dict[tuple[str | int, ...], float] = {}

    def add(self, *values: str | int) -> None:
        self._counts[values] = self._counts.get(values, 0) + 1

    def show(self, total: float) -> None:
        self._counts[()] = total

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric([str(value) for value in values], count)
        yield family


class PlainGauge(Collector):
    """A gauge for each combination of label values. A value is exported from `set` until `clear`."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._values: dict[tuple[str, ...], float] = {}

    def set(self, value: float, *values: str) -> None:
        self._values[values] = value

    def clear(self) -> None:
        self._values.clear()

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, value in self._values.items():
            family.add_metric(values, value)
        yield family


class PlainHistogram(Collector):
    """A histogram for each combination of label values. A combination is exported after its first observation."""

    def __init__(self, name: str, meaning: str, *labels: str, bounds: Sequence[float]) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._bounds = tuple(bounds)
        self._seen: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}

    def observe(self, value: float, *values: str) -> None:
        seen = self._seen.get(values)
        if seen is None:
            seen = self._seen[values] = ([0] * (len(self._bounds) + 1), [0.0])
        seen[0][bisect_left(self._bounds, value)] += 1
        seen[1][0] += value

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, (buckets, total) in self._seen.items():
            family.add_metric(values, self._cumulative(buckets), total[0])
        yield family

    def _cumulative(self, buckets: list[int]) -> list[tuple[str, float]]:
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return [(bound, sum(buckets[: place + 1])) for place, bound in enumerate(bounds)]


CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_ATTEMPT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# The buckets range from deliveries that start at once to those that wait an hour for a worker.
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
# An attempt at a payment provider may take 7 s. A call to a supplier may take 60 s.
_OUTSIDE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 30, 60)
_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Requests:
    """Counts and durations of HTTP requests by route, method and status.

    Recording a request takes 1 µs here, and would take 3 µs with the library's Counter.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts = PlainCounter(
            "topup_requests",
            "HTTP requests, except successful health checks.",
            "route",
            "method",
            "status",
        )
        self._times = PlainHistogram(
            "topup_request_seconds",
            "Seconds from receiving a request's headers to sending its response.",
            "route",
            bounds=_SECONDS,
        )
        registry.register(self._counts)
        registry.register(self._times)

    def note(self, route: str, method: str, status: int, duration_s: float) -> None:
        self._counts.add(route, method, status)
        self._times.observe(duration_s, route)


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Requests(self._registry)
        self.sends = self._plain_counter(
            "topup_sends",
            "Calls to POST /topup/send by response code and environment (none: the caller had no valid credential).",
            "code",
            "environment",
        )
        self._deliveries()
        self._others()
        self._suppliers()
        self._database()
        self._ledger()
        self._process()

    def _deliveries(self) -> None:
        self.deliveries = self._plain_counter(
            "topup_deliveries",
            "Finished webhook deliveries by status and environment.",
            "status",
            "environment",
        )
        self.attempts = self._plain_counter(
            "topup_attempts",
            "Webhook attempts by error class (none: success; lost: the worker vanished) and environment.",
            "error",
            "environment",
        )
        self.attempt_seconds = Histogram(
            "topup_attempt_seconds",
            "Seconds that a webhook attempt took, from looking up the host name to reading the response.",
            buckets=_ATTEMPT_SECONDS,
            registry=self._registry,
        )
        self.lag_seconds = self._plain_histogram(
            "topup_first_attempt_lag_seconds",
            "Seconds from creating a delivery to its first attempt, including waits for the endpoint's rate limit.",
            "environment",
            bounds=_LAG_SECONDS,
        )
        self.attempt_lag_seconds = self._plain_histogram(
            "topup_attempt_lag_seconds",
            "Seconds from a webhook attempt's due time to its start, by attempt number (1, 2, 3, more).",
            "number",
            "environment",
            bounds=_LAG_SECONDS,
        )
        self.claims_lost = self._plain_counter(
            "topup_claims_lost",
            "Attempts whose outcome arrived after another worker had claimed the delivery. Receivers get these webhooks twice.",
            "environment",
        )
        self.bodies_changed = self._plain_counter(
            "topup_bodies_changed",
            "Replay attempts that were refused because the stored event differs from its seal.",
            "environment",
        )
        self.deliveries_due = self._plain_gauge(
            "topup_deliveries_due",
            "Due webhook deliveries. At most 400 endpoints, and 100 deliveries of each, are counted.",
        )
        self.oldest_due_seconds = self._plain_gauge(
            "topup_oldest_due_seconds",
            "Seconds that the oldest due delivery of an enabled endpoint has waited.",
        )
        self.overlooked_seconds = self._plain_gauge(
            "topup_overlooked_seconds",
            "Longest wait, in seconds, of a due delivery that no worker claims. Above 0, /healthz/deliveries returns 503.",
        )

    def _others(self) -> None:
        self.notifications = Counter(
            "topup_payment_notifications",
            "Notifications from payment providers, by provider and by outcome or reason for refusal.",
            ("provider", "outcome"),
            registry=self._registry,
        )
        self.requests_not_kept = Counter(
            "topup_request_log_dropped",
            "Requests missing from the request log, by reason: full (its queue), account (more than 240 an hour) or failed.",
            ("reason",),
            registry=self._registry,
        )
        self.spans_dropped = Counter(
            "topup_spans_dropped",
            "Spans that no collector received, by reason: full (the queue was full) or not_taken (the collector didn't take them).",
            ("reason",),
            registry=self._registry,
        )
        self.mails = self._plain_counter(
            "topup_mails",
            "Attempts to mail recipients, by outcome (queued: will be retried) and environment.",
            "outcome",
            "environment",
        )
        self.mail_oldest_due_seconds = self._plain_gauge(
            "topup_mail_oldest_due_seconds",
            "Seconds that the oldest due mail to a recipient has waited.",
        )
        self.payments_unanswered = self._plain_gauge(
            "topup_payments_unanswered",
            "Calls for which a payment provider has given no clear result for an hour, by kind: steer (subscription changes), pause (pauses that didn't end), recharge, forget (customers to delete).",
            "environment",
            "kind",
        )
        self.provider_seconds = self._plain_histogram(
            "topup_provider_seconds",
            "Seconds that a request to a payment provider took, by outcome: 2xx to 5xx, timeout, no_answer.",
            "provider",
            "outcome",
            bounds=_OUTSIDE_SECONDS,
        )

    def _suppliers(self) -> None:
        self.supplier_seconds = self._plain_histogram(
            "topup_supplier_seconds",
            "Seconds that a call to a supplier took, by outcome: delivered, refused, waiting, unknown.",
            "platform",
            "outcome",
            bounds=_OUTSIDE_SECONDS,
        )
        self.topups_waiting = self._plain_gauge(
            "topup_topups_waiting",
            "Pending top-ups, at most 10,000, by state: pending (all), person (need an operator), overdue, hour (have waited for an hour), word (a contradictory response is stored).",
            "environment",
            "state",
        )
        self.supplier_wait_seconds = self._plain_gauge(
            "topup_supplier_wait_seconds",
            "Seconds that the oldest pending top-up has waited for its supplier.",
            "environment",
        )

    def _database(self) -> None:
        self.queue_depth = self._gauge(
            "topup_queue_depth", "Commands waiting for a group commit. At 8,192, callers get 503."
        )
        self.statements = self._gauge(
            "topup_statements",
            "SQL statements that this process has sent, including BEGIN and COMMIT.",
        )
        self.batch_size = Histogram(
            "topup_batch_size",
            "Number of commands in one group commit.",
            ["batch"],
            buckets=_BATCH_SIZES,
            registry=self._registry,
        )
        self.batch_seconds = self._plain_histogram(
            "topup_batch_seconds",
            "Seconds that a successful group commit took.",
            "batch",
            bounds=_SECONDS,
        )
        self.lock_timeouts = self._plain_counter(
            "topup_batch_lock_timeouts",
            "Group commits that waited 0.1 s for rows that another session had locked.",
        )
        self.database_refusals = self._plain_counter(
            "topup_database_refusals",
            "Requests, except group commits, that were refused because the database was unreachable, busy or a standby, by error class.",
            "error",
        )
        self.pool_waits = self._plain_counter(
            "topup_pool_waits", "Requests that waited because all database connections were in use."
        )
        self.pool_wait_seconds = self._plain_counter(
            "topup_pool_wait_seconds", "Seconds that requests waited for database connections."
        )
        self.database_primaries = self._plain_gauge(
            "topup_database_primaries",
            "Servers of TOPUP_DATABASE_URL that claim to be the primary. 0: nothing can be sent; 2: an old primary is still running.",
        )
        self.database_timeline = self._plain_gauge(
            "topup_database_timeline",
            "Timeline of the database server that this process uses. Each promotion begins the next timeline.",
        )
        self.server_connections = self._plain_gauge(
            "topup_server_connections", "Connections of all clients to the database server."
        )
        self.server_connections_max = self._plain_gauge(
            "topup_server_connections_max",
            "Connections that the database server allows, except those reserved for superusers.",
        )
        self.transaction_id_age = self._plain_gauge(
            "topup_database_transaction_id_age",
            "Transactions since the oldest transaction that isn't frozen. Near 2 billion, the database server refuses writes.",
        )
        self.database_refused = self._plain_gauge(
            "topup_database_refused",
            "1 while a database server or file is refused, by reason: old_primary, two_primaries, went_back, file_replaced.",
            "reason",
        )

    def _ledger(self) -> None:
        self.ledger_proved = self._plain_gauge(
            "topup_ledger_proved_timestamp_seconds",
            "Time when the last clean `topup audit` started. Absent before the first.",
        )
        self.ledger_findings = self._plain_gauge(
            "topup_ledger_findings",
            "Rows that broke a rule in the last `topup audit`. Above 0, investigate immediately.",
        )
        self.copied = self._plain_gauge(
            "topup_copied_timestamp_seconds",
            "Time when the last complete copy of the database began, by place: local, elsewhere.",
            "place",
        )
        self.checkpoint_due = self._plain_gauge(
            "topup_checkpoint_due_timestamp_seconds",
            "Time by which the next day of the ledger must be sealed.",
            "environment",
        )
        self.records_sealed = self._plain_gauge(
            "topup_records_sealed_timestamp_seconds",
            "Time when the last head of the record log was signed.",
        )
        self.machine_payments_stuck = self._plain_gauge(
            "topup_machine_payments_stuck",
            "Machine payments whose outcome is unknown, so an operator must decide.",
            "environment",
        )
        self.money_differences = self._plain_gauge(
            "topup_money_differences",
            "Unresolved differences between provider, ledger and supplier, found by the daily comparison.",
            "environment",
            "kind",
        )
        self.reconciled = self._plain_gauge(
            "topup_reconciled_timestamp_seconds",
            "Time when the last complete comparison of this part started (ledger, suppliers or a provider).",
            "environment",
            "part",
        )

    def _process(self) -> None:
        self.ready = self._plain_gauge(
            "topup_ready",
            "1 while the named check of /readyz passes, otherwise 0.",
            "check",
        )
        self.source_read = self._plain_gauge(
            "topup_source_read_timestamp_seconds",
            "Time when the source of some gauges was last read. While the source can't be read, these gauges disappear.",
            "source",
        )
        self.clock_off_seconds = self._gauge(
            "topup_clock_off_seconds",
            "Seconds by which this machine's clock is ahead of the database's.",
        )
        self.redis_up = self._gauge(
            "topup_redis_up", "1 while Redis responds in time or hasn't been called, otherwise 0."
        )
        self.redis_refusals = self._plain_counter(
            "topup_redis_refusals",
            "Calls that continued without Redis, by fault.",
            "fault",
        )
        self.files_exhausted = self._plain_counter(
            "topup_files_exhausted",
            "Checks that found no free file descriptor. At most four run per second.",
        )
        self.open_files = self._gauge("topup_open_files", "File descriptors in use.")
        self.open_files_max = self._gauge(
            "topup_open_files_max", "File descriptors that this process may open."
        )
        self.chore_ended = self._plain_gauge(
            "topup_chore_ended_timestamp_seconds",
            "Time when one of this worker's chores last succeeded.",
            "chore",
        )
        self.pruning_lag_seconds = self._plain_gauge(
            "topup_pruning_lag_seconds",
            "Seconds by which the oldest row that couldn't be deleted is past its retention.",
        )
        self.staging_closed = self._gauge(
            "topup_staging_closed", "1 while staging calls are refused because storage is low."
        )
        self.staging_room_bytes = self._plain_gauge(
            "topup_staging_room_bytes",
            "Bytes left before staging calls are refused. Negative while staging is closed.",
        )
        build = self._plain_gauge(
            "topup_build_info", "Always 1; the label has the running version.", "version"
        )
        build.set(1, version.running())

    def render(self) -> bytes:
        return generate_latest(self._registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self._registry)

    def _plain_gauge(self, name: str, meaning: str, *labels: str) -> PlainGauge:
        gauge = PlainGauge(name, meaning, *labels)
        self._registry.register(gauge)
        return gauge

    def _plain_counter(self, name: str, meaning: str, *labels: str) -> PlainCounter:
        counter = PlainCounter(name, meaning, *labels)
        self._registry.register(counter)
        return counter

    def _plain_histogram(
        self, name: str, meaning: str, *labels: str, bounds: Sequence[float]
    ) -> PlainHistogram:
        histogram = PlainHistogram(name, meaning, *labels, bounds=bounds)
        self._registry.register(histogram)
        return histogram
