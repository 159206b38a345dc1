"""Send claimed webhook deliveries, and settle them. The types (Claimed, Sent, Settled) ensure that no stage is skipped.

send() makes at most one request, without an open transaction, and only if the lease leaves time to settle.

Outcomes are written in groups. While one commits, the next one fills, even during a long database outage. If an
endpoint's row is locked, its outcomes wait separately. Each waiting outcome occupies a slot, so their number is
limited.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct

from billing.records.sealing import is_as_sealed, is_replay
from kernel.clock import SECOND_US, Clock, rfc3339_ms
from kernel.ids import are_near
from kernel.trace import Span, request_id_of, span_of
from keys.vault import SealBroken, Vault
from runtime.context import Context
from runtime.metrics import Metrics
from runtime.traces.tracing import Attributes, Tracing
from store.database import Database, Transaction
from store.errors import DataRefused, LockTimeout, StoreError
from webhooks.deliveries import delivery
from webhooks.deliveries.message import (
    Headers,
    SecretCache,
    as_occurrence,
    lost_settlement,
    message_headers,
    settlement_of,
    unsendable,
)
from webhooks.deliveries.stage import (
    LOST,
    Claimed,
    CodeOf,
    LinkOf,
    Settlement,
    body_to_send,
    masked,
)
from webhooks.endpoints.disabling import disable_unwell, reasons_to_disable
from webhooks.endpoints.endpoint import Endpoint
from webhooks.endpoints.fields import STAGING
from webhooks.http.guard import Policy
from webhooks.http.transport import SendResult
from worker.fulfilment_runner import OnCall, SupplierCall

# A lease lasts as long as the attempt's timeout, plus time to begin and to write the outcome.
SETTLE_S: Final = 20
BEGIN_S: Final = 5

logger = logging.getLogger(__name__)
# Returns why a replay must not be signed, or "" if it may be.
FaultOf = Callable[[Claimed], Awaitable[str]]
MaySend = Callable[[Claimed], Awaitable[bool]]
SpanOf = Callable[[str], Span]
CHANGED: Final = "The stored event isn't as it was sealed, so it wasn't signed or sent. Run `topup audit` to see what was changed."
GROUP_MAX: Final = 500
# While many requests are running, wait this long for more outcomes, because each commit is expensive.
LINGER_S: Final = 0.002
LINGER_FROM: Final = 16
RETRY_S_FIRST: Final = 0.1
RETRY_S_MAX: Final = 5.0
# How long one attempt waits for locked rows. The next two constants are for outcomes that wait separately: the pause
# between attempts, and how many may retry at once.
LOCK_WAIT_S: Final = 0.1
APART_RETRY_S: Final = 0.5
APART_MAX: Final = 2


class Post(Protocol):
    async def __call__(
        self,
        url: str,
        headers: Headers,
        body: bytes,
        timeout_s: float,
        *,
        policy: Policy | None,
        account_id: str,
    ) -> SendResult: ...


class _Unsigned(RuntimeError):
    pass


class Sent(NamedTuple):
    """A delivery that was attempted, or whose workers died too many times."""

    claimed: Claimed
    settlement: Settlement
    span: Span | None = None


class Settled(Struct, frozen=True, gc=False):
    """The result of writing an outcome. is_held is False if another claim had taken over, so nothing was written."""

    sent: Sent
    is_held: bool


def lease_us(timeout_s: float) -> int:
    return round((timeout_s + SETTLE_S + BEGIN_S) * SECOND_US)


async def no_fault(_claimed: Claimed) -> str:
    return ""


async def may_always(_claimed: Claimed) -> bool:
    return True


class DeliverySender:
    """Sends claimed deliveries. Each environment has its own policy, because staging also allows http."""

    def __init__(
        self,
        post: Post,
        secret_cache: SecretCache,
        clock: Clock,
        *,
        live_policy: Policy,
        staging_policy: Policy,
        timeout_s: float,
        code_of: CodeOf,
        link_of: LinkOf,
        span_of: SpanOf = span_of,
        fault_of: FaultOf = no_fault,
        may_send: MaySend = may_always,
    ) -> None:
        self._may_send = may_send
        self._fault_of = fault_of
        self._span_of = span_of
        self._code_of = code_of
        self._link_of = link_of
        self._post = post
        self._secret_cache = secret_cache
        self._clock = clock
        self._live_policy = live_policy
        self._staging_policy = staging_policy
        self._timeout_s = timeout_s
        self._time_needed_us = round((timeout_s + SETTLE_S) * SECOND_US)

    async def send(self, claimed: Claimed) -> Sent | None:
        """Send the delivery. Return its result, or None if the lease leaves too little time."""
        now_us = self._clock.now_us()
        if claimed.is_lost:
            return Sent(claimed, lost_settlement(claimed, now_us=now_us))
        if now_us + self._time_needed_us > claimed.lease_until_us:
            logger.warning("delivery.too_late", extra={"delivery_id": claimed.id})
            return None
        if claimed.target.subscription_id is not None and not await self._may_send(claimed):
            return None
        fault = ""
        # For nearly all deliveries, comparing the two IDs is enough to prove that they aren't replays.
        if not are_near(claimed.event_id, claimed.id) and is_replay(
            claimed.event_id, delivery_created_at=claimed.created_at
        ):
            try:
                fault = await self._fault_of(claimed)
            except StoreError:
                # Don't sign a replay that couldn't be checked. After the lease ends, another claim retries.
                logger.warning("delivery.not_checked", extra={"delivery_id": claimed.id})
                return None
        code = None
        span = None if claimed.trace is None else self._span_of(claimed.trace)
        try:
            if fault:
                raise _Unsigned(fault)
            claimed, code = body_to_send(claimed, self._code_of, self._link_of)
            claimed = as_occurrence(claimed)
            opened = self._secret_cache.open(claimed.target)
            headers = message_headers(claimed, opened, now_us=now_us, span=span)
        except (SealBroken, _Unsigned) as error:
            outcome, headers = unsendable(str(error), now_us), []
        else:
            outcome = await self._post(
                claimed.target.url,
                headers,
                claimed.body,
                self._timeout_s,
                policy=self._staging_policy
                if claimed.environment == STAGING
                else self._live_policy,
                account_id=claimed.account_id,
            )
        if code is not None:
            outcome = outcome._replace(response_body=masked(outcome.response_body, code))
        settlement = settlement_of(claimed, outcome, headers, ended_at_us=self._clock.now_us())
        return Sent(claimed, settlement, span)


def log_attempt(settled: Settled) -> None:
    claimed, settlement, span = settled.sent
    attempt, next_at_us = settlement.attempt, settlement.next_attempt_at_us
    level = logging.INFO
    if attempt.error == LOST:
        level = logging.ERROR
    elif not settled.is_held:
        level = logging.WARNING
    if not logger.isEnabledFor(level):
        return
    logger.log(
        level,
        "delivery.attempted",
        extra={
            "account_id": claimed.account_id,
            "environment": claimed.environment,
            "endpoint_id": claimed.target.id,
            "delivery_id": claimed.id,
            "event_id": claimed.event_id,
            "event_type": claimed.event_type,
            "transaction_id": claimed.transaction_id,
            "attempt": claimed.number,
            "attempt_id": attempt.id,
            "http_status": attempt.http_status,
            "error": attempt.error,
            "reason": attempt.reason,
            "duration_ms": attempt.duration_us // 1000,
            "status": settlement.status,
            "next_attempt_at": None if next_at_us is None else rfc3339_ms(next_at_us),
            "is_stale": not settled.is_held,
            **_traced(claimed.trace, span),
        },
    )


def _traced(line: str | None, span: Span | None) -> dict[str, str | None]:
    traced = {"request_id": None if line is None else request_id_of(line)}
    if span is None or span.trace_id is None:
        return traced
    return {**traced, "trace_id": span.trace_id, "span_id": span.span_id}


OnSettled = Callable[[Sequence[Settled]], None]
Report = Callable[[Settled], None]


class SealedBodies:
    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def fault_of(self, claimed: Claimed) -> str:
        read = partial(is_as_sealed, event_id=claimed.event_id, body=claimed.body)
        if await self._database.read(read):
            return ""
        self._metrics.bodies_changed.add(claimed.environment)
        fields = {"delivery_id": claimed.id, "event_id": claimed.event_id}
        logger.error("delivery.body_changed", extra=fields)
        return CHANGED


class Settler:
    """Writes outcomes. `under_way` returns the number of running requests."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        *,
        under_way: Callable[[], int],
        on_settled: OnSettled,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._under_way = under_way
        self._on_settled = on_settled
        self._waiting: list[Sent] = []
        self._has_work = asyncio.Event()
        self._is_closing = False
        self._retry_s = RETRY_S_FIRST
        # Outcomes that arrived while their endpoint's row was locked, by endpoint.
        self._apart: dict[str, list[Sent]] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._apart_room = asyncio.Semaphore(APART_MAX)

    def put(self, sent: Sent) -> None:
        self._waiting.append(sent)
        self._has_work.set()

    async def run(self) -> None:
        while not self._is_closing or self._waiting:
            await self._has_work.wait()
            self._has_work.clear()
            if self._under_way() >= LINGER_FROM:
                await asyncio.sleep(LINGER_S)
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
                await self._write([sent for sent in group if not self._joins(sent)])
        while self._beside:
            await asyncio.wait(self._beside)

    def close(self) -> None:
        self._is_closing = True
        self._has_work.set()

    def _joins(self, sent: Sent) -> bool:
        """Add the outcome to its endpoint's separately waiting outcomes. Return False if none are waiting."""
        waiting = self._apart.get(sent.claimed.target.id)
        if waiting is None:
            return False
        waiting.append(sent)
        return True

    async def _write(self, group: Sequence[Sent]) -> None:
        if group and all(delivery.may_settle_delivered(sent.settlement) for sent in group):
            group = await self._write_delivered(group)
        await self._write_in_transaction(group)

    async def _write_delivered(self, group: Sequence[Sent]) -> Sequence[Sent]:
        async def work(tx: Transaction) -> frozenset[str]:
            return await delivery.settle_delivered(tx, [sent.settlement for sent in group])

        try:
            held = await self._database.autocommit(work)
        except StoreError:
            # The transaction that follows handles the error, and outcomes whose claims are no longer valid.
            return group
        except Exception:
            logger.exception("settle.broke", extra={"outcomes": len(group)})
            return group
        written = [sent for sent in group if sent.claimed.id in held]
        self._note_written(written, held)
        return [sent for sent in group if sent.claimed.id not in held]

    async def _write_in_transaction(self, group: Sequence[Sent]) -> None:
        while group:
            try:
                await self._save(group)
            except LockTimeout as error:
                self._wait_apart(group, error)
            except DataRefused as error:
                await self._write_singly(group, error)
            except StoreError as error:
                # Retry even if the commit's result is unknown. If it succeeded, these claims are outdated.
                logger.warning("settle.waits", extra={"error": str(error), "outcomes": len(group)})
                await asyncio.sleep(self._retry_s)
                self._retry_s = min(self._retry_s * 2, RETRY_S_MAX)
                continue
            except Exception as error:
                # A bug in one outcome must not stop the process or lose other outcomes.
                logger.exception("settle.broke", extra={"outcomes": len(group)})
                await self._write_singly(group, error)
            self._retry_s = RETRY_S_FIRST
            return

    async def _save(self, group: Sequence[Sent]) -> None:
        async def work(tx: Transaction) -> frozenset[str]:
            return await delivery.settle(tx, [sent.settlement for sent in group])

        held = await self._database.transaction(
            work, durable=False, is_short=True, lock_wait_s=LOCK_WAIT_S
        )
        self._note_written(group, held)

    def _note_written(self, group: Sequence[Sent], held: frozenset[str]) -> None:
        self._on_settled([Settled(sent, sent.claimed.id in held) for sent in group])
        settled = [sent.settlement for sent in group]
        unwell = [one for one in settled if one.disable_reason or one.attempt.error]
        if unwell and (reasons := reasons_to_disable(unwell)):
            # Use a separate task, because disabling locks the account. Another transaction may hold that lock.
            self._begin(self._disable(reasons))

    def _wait_apart(self, group: Sequence[Sent], error: LockTimeout) -> None:
        """Let each endpoint's outcomes wait separately, because the error doesn't say whose row is locked."""
        logger.warning("settle.held_up", extra={"error": str(error), "outcomes": len(group)})
        for sent in group:
            endpoint_id = sent.claimed.target.id
            if not self._joins(sent):
                self._apart[endpoint_id] = [sent]
                self._begin(self._write_of(endpoint_id))

    async def _write_of(self, endpoint_id: str) -> None:
        while group := self._apart[endpoint_id]:
            self._apart[endpoint_id] = []
            try:
                async with self._apart_room:
                    await self._save(group)
            except DataRefused as error:
                await self._write_singly(group, error)
            except StoreError as error:
                logger.warning(
                    "settle.waits_apart",
                    extra={"error": str(error), "endpoint_id": endpoint_id, "outcomes": len(group)},
                )
                self._apart[endpoint_id] = [*group, *self._apart[endpoint_id]]
                await asyncio.sleep(APART_RETRY_S)
            except Exception as error:
                logger.exception("settle.broke", extra={"outcomes": len(group)})
                await self._write_singly(group, error)
        del self._apart[endpoint_id]

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _write_singly(self, group: Sequence[Sent], error: Exception) -> None:
        """Write the outcomes one by one. If the database still refuses one, drop it. Its lease will end."""
        if len(group) > 1:
            for sent in group:
                await self._write([sent])
            return
        logger.error(
            "settle.refused",
            extra={
                # The text of an unexpected error may contain secrets.
                "error": str(error) if isinstance(error, StoreError) else type(error).__name__,
                "delivery_id": group[0].claimed.id,
            },
        )
        self._on_settled([Settled(group[0], is_held=False)])

    async def _disable(self, reasons: dict[str, str]) -> None:
        async def work(tx: Transaction) -> list[Endpoint]:
            return await disable_unwell(tx, self._vault, reasons, now_us=self._clock.now_us())

        try:
            disabled = await self._database.transaction(work)
        except StoreError as error:
            # If disabling fails, it is tried again at the endpoint's next failure.
            logger.warning("endpoint.not_disabled", extra={"error": str(error)})
            return
        except Exception:
            logger.exception("endpoint.not_disabled", extra={"endpoint_ids": sorted(reasons)})
            return
        for endpoint in disabled:
            logger.warning(
                "endpoint.disabled",
                extra={
                    "account_id": endpoint.account_id,
                    "environment": endpoint.environment,
                    "endpoint_id": endpoint.id,
                    "reason": endpoint.disabled_reason,
                },
            )


# Attempts up to this number have their own metric label. Later ones share a label.
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
    metrics.pruning_lag_seconds.set(lag_us / SECOND_US)


def note_chore(metrics: Metrics, name: str) -> None:
    metrics.chore_ended.set(time.time(), name)


_NO_WORD: Final = "unknown"


class OutcomeNotice(NamedTuple):
    span_of: SpanOf
    report: Report
    record_call: OnCall


def telling(context: Context) -> OutcomeNotice:
    metrics, tracing = context.metrics, context.tracing
    if tracing is None:
        return OutcomeNotice(span_of, partial(report, metrics), partial(record_call, metrics))
    spans = _WorkerSpans(metrics, tracing)
    return OutcomeNotice(spans.span_of, spans.report, spans.record_call)


class _WorkerSpans:
    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def span_of(self, line: str) -> Span:
        """Return the attempt's span. If the trace isn't sampled, the span isn't exported."""
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
