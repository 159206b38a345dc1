"""A process's metrics for Prometheus, in a registry of their own.

Label values come from fixed lists or from the operator, never from a caller, so the number of series is
bounded. Only the event loop changes and reads the metrics, so they need no locks.
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
    """A counter for each combination of label values. It is exported after its first count."""

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
    """A gauge for each combination of label values. It is exported from `set` until `clear`."""

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
    """A histogram for each combination of label values. It is exported after its first observation."""

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
# The bounds reach from a delivery that starts at once to one that no worker claimed for an hour.
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
# One attempt at a payment provider may take 7 s, and a call to a supplier 60 s.
_OUTSIDE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 30, 60)
_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Requests:
    """Counts and durations of HTTP requests by route, method and status.

    A request takes 1 us here, and 3 us with the library's Counter.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts = PlainCounter(
            "topup_requests",
            "HTTP requests, without successful probes.",
            "route",
            "method",
            "status",
        )
        self._times = PlainHistogram(
            "topup_request_seconds",
            "Seconds from the request's headers to the response.",
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
            "Calls of POST /topup/send by response code and environment (none: no valid credential).",
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
            "Webhook attempts by error class and environment (none: success, lost: the worker vanished).",
            "error",
            "environment",
        )
        self.attempt_seconds = Histogram(
            "topup_attempt_seconds",
            "Seconds of one webhook attempt, from the name's lookup to the response's body.",
            buckets=_ATTEMPT_SECONDS,
            registry=self._registry,
        )
        self.lag_seconds = self._plain_histogram(
            "topup_first_attempt_lag_seconds",
            "Seconds from a delivery's creation to its first attempt, its endpoint's pace included.",
            "environment",
            bounds=_LAG_SECONDS,
        )
        self.attempt_lag_seconds = self._plain_histogram(
            "topup_attempt_lag_seconds",
            "Seconds from a webhook attempt's due time to its start, by number (1, 2, 3, more).",
            "number",
            "environment",
            bounds=_LAG_SECONDS,
        )
        self.claims_lost = self._plain_counter(
            "topup_claims_lost",
            "Attempts whose outcome another claim had overtaken: the receiver gets the webhook twice.",
            "environment",
        )
        self.bodies_changed = self._plain_counter(
            "topup_bodies_changed",
            "Replay attempts refused because the stored event differs from its seal.",
            "environment",
        )
        self.deliveries_due = self._plain_gauge(
            "topup_deliveries_due",
            "Due webhook deliveries, counting at most 100 per endpoint and 400 endpoints.",
        )
        self.oldest_due_seconds = self._plain_gauge(
            "topup_oldest_due_seconds",
            "Longest wait, in seconds, of a due delivery of an enabled endpoint.",
        )
        self.overlooked_seconds = self._plain_gauge(
            "topup_overlooked_seconds",
            "Longest wait of a due delivery that no worker claims; above 0, /healthz/deliveries is 503.",
        )

    def _others(self) -> None:
        self.notifications = Counter(
            "topup_payment_notifications",
            "Payment providers' notifications by provider and outcome, or the reason for their refusal.",
            ("provider", "outcome"),
            registry=self._registry,
        )
        self.requests_not_kept = Counter(
            "topup_request_log_dropped",
            "Requests missing from the request log: full, account (over 240 an hour) or failed.",
            ("reason",),
            registry=self._registry,
        )
        self.spans_dropped = Counter(
            "topup_spans_dropped",
            "Spans that no collector got: full (the queue) or not_taken (no response, or refused).",
            ("reason",),
            registry=self._registry,
        )
        self.mails = self._plain_counter(
            "topup_mails",
            "Attempts to mail recipients by outcome (queued: will be retried) and environment.",
            "outcome",
            "environment",
        )
        self.mail_oldest_due_seconds = self._plain_gauge(
            "topup_mail_oldest_due_seconds",
            "Longest wait, in seconds, of a due mail to a recipient.",
        )
        self.payments_unanswered = self._plain_gauge(
            "topup_payments_unanswered",
            "Calls that a payment provider hasn't settled for an hour, by kind: steer (changes of subscriptions), pause (not resumed), recharge, forget (customers to delete).",
            "environment",
            "kind",
        )
        self.provider_seconds = self._plain_histogram(
            "topup_provider_seconds",
            "Seconds of one request to a payment provider, by outcome: 2xx to 5xx, timeout, no_answer.",
            "provider",
            "outcome",
            bounds=_OUTSIDE_SECONDS,
        )

    def _suppliers(self) -> None:
        self.supplier_seconds = self._plain_histogram(
            "topup_supplier_seconds",
            "Seconds of one call of a supplier, by outcome: delivered, refused, waiting, unknown.",
            "platform",
            "outcome",
            bounds=_OUTSIDE_SECONDS,
        )
        self.topups_waiting = self._plain_gauge(
            "topup_topups_waiting",
            "Pending top-ups, at most 10,000, by state: pending (all), person (need an operator), overdue, hour (waiting for an hour), word (a contradicting response is stored).",
            "environment",
            "state",
        )
        self.supplier_wait_seconds = self._plain_gauge(
            "topup_supplier_wait_seconds",
            "Longest wait, in seconds, of a top-up for its supplier.",
            "environment",
        )

    def _database(self) -> None:
        self.queue_depth = self._gauge(
            "topup_queue_depth", "Commands waiting for a group commit; at 8,192 callers get 503."
        )
        self.statements = self._gauge(
            "topup_statements",
            "Statements sent by this process, BEGIN and COMMIT included.",
        )
        self.batch_size = Histogram(
            "topup_batch_size",
            "Commands in one group commit.",
            ["batch"],
            buckets=_BATCH_SIZES,
            registry=self._registry,
        )
        self.batch_seconds = self._plain_histogram(
            "topup_batch_seconds",
            "Seconds of one successful group commit.",
            "batch",
            bounds=_SECONDS,
        )
        self.lock_timeouts = self._plain_counter(
            "topup_batch_lock_timeouts",
            "Group commits that met rows locked by another session for 0.1 s.",
        )
        self.database_refusals = self._plain_counter(
            "topup_database_refusals",
            "Requests refused because the database was away, busy or a standby, by error class; group commits aren't counted.",
            "error",
        )
        self.pool_waits = self._plain_counter(
            "topup_pool_waits", "Waits for a database connection while all were in use."
        )
        self.pool_wait_seconds = self._plain_counter(
            "topup_pool_wait_seconds", "Total seconds of these waits."
        )
        self.database_primaries = self._plain_gauge(
            "topup_database_primaries",
            "Servers of DATABASE_URL that claim to be the primary; 0: nothing can be sent, 2: an old one still runs.",
        )
        self.database_timeline = self._plain_gauge(
            "topup_database_timeline",
            "The server's timeline that this process uses; each promotion begins the next.",
        )
        self.server_connections = self._plain_gauge(
            "topup_server_connections", "Connections to the database server from all its clients."
        )
        self.server_connections_max = self._plain_gauge(
            "topup_server_connections_max",
            "Connections that the server allows to all but superusers.",
        )
        self.transaction_id_age = self._plain_gauge(
            "topup_database_transaction_id_age",
            "Transactions since the server's oldest unfrozen one; near 2 billion it refuses writes.",
        )
        self.database_refused = self._plain_gauge(
            "topup_database_refused",
            "1 while a server or file is refused: old_primary, two_primaries, went_back, file_replaced.",
            "reason",
        )

    def _ledger(self) -> None:
        self.ledger_proved = self._plain_gauge(
            "topup_ledger_proved_timestamp_seconds",
            "Start of the last `topup audit` that found nothing; absent until one has run.",
        )
        self.ledger_findings = self._plain_gauge(
            "topup_ledger_findings",
            "Rows that broke a rule in the last `topup audit`; above 0, stop and investigate.",
        )
        self.copied = self._plain_gauge(
            "topup_copied_timestamp_seconds",
            "Start of the last finished copy of the database, by place: local, elsewhere.",
            "place",
        )
        self.checkpoint_due = self._plain_gauge(
            "topup_checkpoint_due_timestamp_seconds",
            "When the next day of the ledger must be sealed.",
            "environment",
        )
        self.records_sealed = self._plain_gauge(
            "topup_records_sealed_timestamp_seconds",
            "When the last head of the record log was signed.",
        )
        self.machine_payments_stuck = self._plain_gauge(
            "topup_machine_payments_stuck",
            "Machine payments that may or may not have been settled: an operator must decide.",
            "environment",
        )
        self.money_differences = self._plain_gauge(
            "topup_money_differences",
            "Open differences between provider, ledger and supplier.",
            "environment",
            "kind",
        )
        self.reconciled = self._plain_gauge(
            "topup_reconciled_timestamp_seconds",
            "Start of the last complete comparison of this part.",
            "environment",
            "part",
        )

    def _process(self) -> None:
        self.ready = self._plain_gauge(
            "topup_ready",
            "1 while this check of /readyz passes, else 0.",
            "check",
        )
        self.source_read = self._plain_gauge(
            "topup_source_read_timestamp_seconds",
            "When the source of some gauges was last read; while it can't be read, they disappear.",
            "source",
        )
        self.clock_off_seconds = self._gauge(
            "topup_clock_off_seconds",
            "Seconds by which this machine's clock is ahead of the database's.",
        )
        self.redis_up = self._gauge(
            "topup_redis_up", "1 while Redis responds in time or hasn't been called, else 0."
        )
        self.redis_refusals = self._plain_counter(
            "topup_redis_refusals",
            "Calls that went without Redis, by fault.",
            "fault",
        )
        self.files_exhausted = self._plain_counter(
            "topup_files_exhausted",
            "Checks, at most four a second, that found no free file descriptor.",
        )
        self.open_files = self._gauge("topup_open_files", "File descriptors in use.")
        self.open_files_max = self._gauge(
            "topup_open_files_max", "File descriptors that this process may open."
        )
        self.chore_ended = self._plain_gauge(
            "topup_chore_ended_timestamp_seconds",
            "When a chore of this worker last succeeded.",
            "chore",
        )
        self.pruning_lag_seconds = self._plain_gauge(
            "topup_pruning_lag_seconds",
            "Seconds by which the oldest row that couldn't be deleted has outlived its retention.",
        )
        self.staging_closed = self._gauge(
            "topup_staging_closed", "1 while staging is refused because storage is short."
        )
        self.staging_room_bytes = self._plain_gauge(
            "topup_staging_room_bytes",
            "Bytes left before staging is refused; below 0 it is refused.",
        )
        build = self._plain_gauge("topup_build_info", "1, with the running version.", "version")
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
