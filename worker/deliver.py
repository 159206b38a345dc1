"""The stages of one delivery as types: Claimed -> Sent -> Settled; none can be skipped.

send() sends at most once, only while the lease leaves time to settle, and always returns a value. No
transaction is open meanwhile. Stores nothing.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from billing.records.sealing import is_replay
from kernel.clock import SECOND_US, Clock, rfc3339_ms
from kernel.ids import are_near
from kernel.trace import Span, request_id_of, span_of
from keys.vault import SealBroken
from store.errors import StoreError
from webhooks.deliveries.coded import CodeOf, LinkOf, body_to_send, masked
from webhooks.deliveries.message import (
    Headers,
    SecretCache,
    lost_settlement,
    message_headers,
    settlement_of,
    unsendable,
)
from webhooks.deliveries.occurrence import as_occurrence
from webhooks.deliveries.stage import LOST, Claimed, Settlement
from webhooks.endpoints.fields import STAGING
from webhooks.http.guard import Policy
from webhooks.http.transport import SendResult

# A lease is the attempt's timeout, time to write the outcome, and time to begin.
SETTLE_S: Final = 20
BEGIN_S: Final = 5

logger = logging.getLogger(__name__)


class Post(Protocol):
    """See webhooks.http.transport.Transport.post."""

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


# Returns why a replay must not be signed, or "". Raises StoreError.
FaultOf = Callable[[Claimed], Awaitable[str]]
# Returns whether the subscription behind a delivery still stands.
MaySend = Callable[[Claimed], Awaitable[bool]]


class _Unsigned(RuntimeError):
    pass


# An attempt's span in the trace of its line.
SpanOf = Callable[[str], Span]


class Sent(NamedTuple):
    """A claimed delivery after its attempt, or found lost for good. span: the attempt in its request's trace,
    if any.
    """

    claimed: Claimed
    settlement: Settlement
    span: Span | None = None


class Settled(Struct, frozen=True, gc=False):
    """is_held is false if another claim had taken over: nothing was written."""

    sent: Sent
    is_held: bool


def lease_us(timeout_s: float) -> int:
    return round((timeout_s + SETTLE_S + BEGIN_S) * SECOND_US)


async def no_fault(_claimed: Claimed) -> str:
    return ""


async def may_always(_claimed: Claimed) -> bool:
    return True


class DeliverySender:
    """Sends claimed deliveries; policies by environment, because http is for staging."""

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
        """Send the attempt and return what it settles; null if the lease is too short to begin. Another claim
        will then come, as after a crash.
        """
        now_us = self._clock.now_us()
        if claimed.is_lost:
            return Sent(claimed, lost_settlement(claimed, now_us=now_us))
        if now_us + self._time_needed_us > claimed.lease_until_us:
            logger.warning("delivery.too_late", extra={"delivery_id": claimed.id})
            return None
        if claimed.target.subscription_id is not None and not await self._may_send(claimed):
            return None
        fault = ""
        # Nearly all IDs show that they aren't replays.
        if not are_near(claimed.event_id, claimed.id) and is_replay(
            claimed.event_id, delivery_created_at=claimed.created_at
        ):
            try:
                fault = await self._fault_of(claimed)
            except StoreError:
                # Nothing is signed unchecked; the lease ends, and another claim comes.
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
    """Log one wide line for each attempt; a lost delivery is an alarm."""
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
