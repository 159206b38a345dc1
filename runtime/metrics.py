"""What the process counts, in Prometheus' terms; one registry for each process, none global.

Labels come from fixed lists (route templates, codes, error classes), never from a caller's text,
so the number of series is bounded.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from kernel import version
from runtime.plain_metrics import PlainCounter, PlainGauge, PlainHistogram

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_ATTEMPT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# From a delivery that leaves at once to one that nobody looked after for an hour.
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
# A payment provider's try may take 7 s, a supplier's ask 60 s.
_OUTSIDE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 30, 60)
_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Requests:
    """HTTP requests by route, method and status, and their times by route.

    Counted by the event loop alone, so without the locks of a Counter [1 us of a send against 3].
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts = PlainCounter("topup_requests", "HTTP requests.", "route", "method", "status")
        self._times = PlainHistogram(
            "topup_request_seconds",
            "Seconds from the request's headers to the answer.",
            "route",
            bounds=_SECONDS,
        )
        registry.register(self._counts)
        registry.register(self._times)

    def note(self, route: str, method: str, status: int, duration_s: float) -> None:
        self._counts.add(route, method, status)
        self._times.observe(duration_s, route)


class Metrics:
    """The counters of one gateway or worker."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Requests(self._registry)
        self.sends = self._plain_counter(
            "topup_sends",
            "Calls of POST /topup/send by answer code and environment.",
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
            "Webhook deliveries that ended, by status and environment.",
            "status",
            "environment",
        )
        self.attempts = self._plain_counter(
            "topup_attempts",
            "Webhook attempts by error class (none is a success) and environment.",
            "error",
            "environment",
        )
        self.attempt_seconds = Histogram(
            "topup_attempt_seconds",
            "Seconds of one webhook attempt.",
            buckets=_ATTEMPT_SECONDS,
            registry=self._registry,
        )
        self.lag_seconds = self._plain_histogram(
            "topup_first_attempt_lag_seconds",
            "Seconds from a delivery's creation to the start of its first attempt.",
            "environment",
            bounds=_LAG_SECONDS,
        )
        self.attempt_lag_seconds = self._plain_histogram(
            "topup_attempt_lag_seconds",
            "Seconds from the time a webhook attempt was due to its start, by its number: 1, 2, 3, more.",
            "number",
            "environment",
            bounds=_LAG_SECONDS,
        )
        self.claims_lost = self._plain_counter(
            "topup_claims_lost",
            "Attempts whose outcome was not written, since another claim had taken over.",
            "environment",
        )
        self.bodies_changed = self._plain_counter(
            "topup_bodies_changed",
            "Attempts of replays that were refused: the stored event is not as it was sealed.",
            "environment",
        )
        self.deliveries_due = self._plain_gauge(
            "topup_deliveries_due",
            "Webhook deliveries that are due, 100 of an endpoint and 400 endpoints at most.",
        )
        self.oldest_due_seconds = self._plain_gauge(
            "topup_oldest_due_seconds",
            "Seconds that the longest due webhook delivery of an enabled endpoint has waited.",
        )
        self.overlooked_seconds = self._plain_gauge(
            "topup_overlooked_seconds",
            "The same of endpoints that no worker looks after; /healthz/deliveries is 503 above 0.",
        )

    def _others(self) -> None:
        """Those whom we ask, and who tell us."""
        self.notifications = Counter(
            "topup_payment_notifications",
            "Payment providers' notifications by provider and outcome, or why not believed.",
            ("provider", "outcome"),
            registry=self._registry,
        )
        self.requests_not_kept = Counter(
            "topup_request_log_dropped",
            "Requests left out of the request log, by why: full, account (too many of one), failed.",
            ("reason",),
            registry=self._registry,
        )
        self.spans_dropped = Counter(
            "topup_spans_dropped",
            "Spans that no collector has got, by why: full (the queue was), not_taken (it did not answer).",
            ("reason",),
            registry=self._registry,
        )
        self.mails = self._plain_counter(
            "topup_mails",
            "Attempts to send mail to recipients by outcome (queued: to be tried again) and environment.",
            "outcome",
            "environment",
        )
        self.mail_oldest_due_seconds = self._plain_gauge(
            "topup_mail_oldest_due_seconds",
            "Seconds that the longest due mail to a recipient has waited.",
        )
        self.payments_unanswered = self._plain_gauge(
            "topup_payments_unanswered",
            "What a payment provider was asked and has not answered or done for an hour.",
            "environment",
            "kind",
        )
        self.provider_seconds = self._plain_histogram(
            "topup_provider_seconds",
            "Seconds of one request to a payment provider, by provider and outcome.",
            "provider",
            "outcome",
            bounds=_OUTSIDE_SECONDS,
        )

    def _suppliers(self) -> None:
        self.supplier_seconds = self._plain_histogram(
            "topup_supplier_seconds",
            "Seconds of one ask of a platform's supplier, by platform and outcome.",
            "platform",
            "outcome",
            bounds=_OUTSIDE_SECONDS,
        )
        self.topups_waiting = self._plain_gauge(
            "topup_topups_waiting",
            "Pending top-ups with suppliers, 10,000 at most: all, those for a person, those overdue.",
            "environment",
            "state",
        )
        self.supplier_wait_seconds = self._plain_gauge(
            "topup_supplier_wait_seconds",
            "Seconds that the longest pending top-up has waited for its supplier.",
            "environment",
        )

    def _database(self) -> None:
        self.queue_depth = self._gauge(
            "topup_queue_depth", "Commands waiting for the next group commit."
        )
        self.statements = self._gauge(
            "topup_statements",
            "Driver-level statements of this process so far, BEGIN and COMMIT included.",
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
            "Seconds of one group commit that was kept, from its begin to its end.",
            "batch",
            bounds=_SECONDS,
        )
        self.lock_timeouts = self._plain_counter(
            "topup_batch_lock_timeouts", "Group commits that met rows which somebody else held."
        )
        self.database_refusals = self._plain_counter(
            "topup_database_refusals",
            "Requests that were refused since the database was away, busy or a standby, by class.",
            "error",
        )
        self.pool_waits = self._plain_counter(
            "topup_pool_waits", "Waits for a connection to the database while all were lent."
        )
        self.pool_wait_seconds = self._plain_counter(
            "topup_pool_wait_seconds", "Seconds of those waits together."
        )
        self.database_primaries = self._plain_gauge(
            "topup_database_primaries",
            "Servers of DATABASE_URL that say they are the primary; more than 1: one was not stopped.",
        )
        self.database_timeline = self._plain_gauge(
            "topup_database_timeline",
            "The timeline of the server that this process goes by; each promotion begins the next.",
        )
        self.server_connections = self._plain_gauge(
            "topup_server_connections", "Connections to the database server from all its clients."
        )
        self.server_connections_max = self._plain_gauge(
            "topup_server_connections_max",
            "Connections that the server lets others than superusers have.",
        )
        self.transaction_id_age = self._plain_gauge(
            "topup_database_transaction_id_age",
            "Transactions since the server's oldest unfrozen one; near 2 billion it takes no writes.",
        )
        self.database_refused = self._plain_gauge(
            "topup_database_refused",
            "1 while a server, or a file, is refused for this reason, else 0.",
            "reason",
        )

    def _ledger(self) -> None:
        """What `topup audit` found; nothing is shown until it has run."""
        self.ledger_proved = self._plain_gauge(
            "topup_ledger_proved_timestamp_seconds",
            "Unix time at which the last `topup audit` that found nothing began.",
        )
        self.ledger_findings = self._plain_gauge(
            "topup_ledger_findings", "Rows that broke a rule in the last `topup audit`."
        )
        self.copied = self._plain_gauge(
            "topup_copied_timestamp_seconds",
            "Unix time at which the last finished copy of the database began, by where it is kept.",
            "place",
        )
        self.checkpoint_due = self._plain_gauge(
            "topup_checkpoint_due_timestamp_seconds",
            "Unix time at which the next day of the ledger is to be sealed.",
            "environment",
        )
        self.records_sealed = self._plain_gauge(
            "topup_records_sealed_timestamp_seconds",
            "Unix time of the last signed head of the record log; what is newer is unproved.",
        )
        self.machine_payments_stuck = self._plain_gauge(
            "topup_machine_payments_stuck",
            "Payments of machines of which nobody knows whether they were settled: a person decides.",
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
            "Unix time at which the last comparison of this part that came to its end began.",
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
            "Unix time at which the source behind some gauges was last read; they are gone while it can't be.",
            "source",
        )
        self.clock_off_seconds = self._gauge(
            "topup_clock_off_seconds",
            "Seconds that this machine's clock is ahead of the database's, by which all is done.",
        )
        self.redis_up = self._gauge(
            "topup_redis_up", "1 while Redis answers in time or was not asked yet, else 0."
        )
        self.redis_refusals = self._plain_counter(
            "topup_redis_refusals",
            "Calls that went without Redis, by what was wrong with it.",
            "fault",
        )
        self.files_exhausted = self._plain_counter(
            "topup_files_exhausted",
            "Looks, four a second, that found no file descriptor left for one more connection.",
        )
        self.open_files = self._gauge("topup_open_files", "File descriptors in use.")
        self.open_files_max = self._gauge(
            "topup_open_files_max", "File descriptors that this process may have."
        )
        self.chore_ended = self._plain_gauge(
            "topup_chore_ended_timestamp_seconds",
            "Unix time at which a chore of this worker last ended well.",
            "chore",
        )
        self.pruning_lag_seconds = self._plain_gauge(
            "topup_pruning_lag_seconds",
            "Seconds by which the oldest row that pruning failed to delete has outlived its retention.",
        )
        self.staging_closed = self._gauge(
            "topup_staging_closed", "1 while staging is refused for want of room."
        )
        self.staging_room_bytes = self._plain_gauge(
            "topup_staging_room_bytes",
            "Bytes that may still be used before staging is refused; below 0 it is.",
        )
        build = self._plain_gauge("topup_build_info", "1, with the version that runs.", "version")
        build.set(1, version.running())

    def render(self) -> bytes:
        """The text of GET /metrics, of type CONTENT_TYPE."""
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
