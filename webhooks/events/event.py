"""Render events once, number them per account and environment, and write them in the same transaction as the change.

Numbers have no gaps and follow the order of commits. So a cursor proves that a poller has missed nothing. Lock the
account before Outbox.load. Webhooks sign the stored bytes, after inserting the voucher code if there is one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from kernel.clock import SECOND_US, rfc3339
from kernel.errors import InvalidInput
from kernel.ids import EventId, new_id
from kernel.tenant import Tenant
from store.database import BatchRead, Rows, Transaction
from webhooks.deliveries import delivery, endpoint_queue
from webhooks.deliveries.endpoint_queue import not_before
from webhooks.deliveries.sequence import place_of
from webhooks.deliveries.stage import LINKED_EVENT, place_of_code, place_of_link
from webhooks.events.payload_filter import PayloadFilter, data_of, payload_filter

API_VERSION: Final = "v1"
TEST_EVENT: Final = "endpoint.test"
DISABLED_EVENT: Final = "endpoint.disabled"
# This hint is sent after each commit that wrote events.
HINT: Final = "events"
EVENT_TYPES: Final = (
    "topup.delivered",
    "topup.failed",
    "topup.cancelled",
    "topup.pending",
    "topup.claimed",
    "topup.scheduled",
    "topup.reversed",
    "voucher.redeemed",
    "batch.completed",
    "balance.low",
    "credit.expiring",
    "credit.expired",
    "stock.low",
    "order.paid",
    "order.failed",
    "dispute.opened",
    "order.refunded",
    "order.disputed",
    "order.dispute_lost",
    "order.restored",
    "recharge.succeeded",
    "recharge.failed",
    "subscription.started",
    "subscription.activated",
    "subscription.renewed",
    "subscription.changed",
    "subscription.past_due",
    "subscription.paused",
    "subscription.resumed",
    "subscription.canceling",
    "subscription.ended",
    "approval.requested",
    "approval.approved",
    "approval.denied",
    "approval.cancelled",
    "approval.expired",
    "key.created",
    "key.paused",
    "key.resumed",
    "key.revoked",
    "key.cap_near",
    "key.cap_reached",
    DISABLED_EVENT,
    TEST_EVENT,
)

_KNOWN_TYPES = frozenset(EVENT_TYPES)
_COLUMNS = (
    "id",
    "account_id",
    "environment",
    "event_no",
    "type",
    "transaction_id",
    "body",
    "code_at",
    "code_sealed",
    "trace",
    "created_at",
)
_encode = msgspec.json.Encoder().encode

_EVENT_NUMBERS = """
SELECT e.account_id, e.environment, e.event_no
FROM :tenants[account_id text, environment text] AS s
JOIN account_environments e ON e.account_id = s.account_id AND e.environment = s.environment
"""
_ENDPOINTS = """
SELECT p.account_id, p.environment, p.id, p.events, p.retry_schedule_s, q.ready_at, p.include_codes,
    p.include_approval_links, p.rate_limit_per_s, p.rate_tat_us, p.payload_filter, p.ordered
FROM :tenants[account_id text, environment text] AS s
JOIN endpoints p ON p.account_id = s.account_id AND p.environment = s.environment
LEFT JOIN endpoint_queue q ON q.endpoint_id = p.id
WHERE p.deleted_at IS NULL
ORDER BY p.id
"""
_NUMBER = """
UPDATE account_environments SET event_no = v.event_no
FROM :rows[account_id text, environment text, event_no bigint] AS v
WHERE account_environments.account_id = v.account_id
  AND account_environments.environment = v.environment
"""

_MARK_SAMPLE = "UPDATE events SET is_sample = 1 WHERE id = :id"
_TOLD_CODES: Final = attrgetter("is_told_codes")
_TOLD_LINKS: Final = attrgetter("is_told_links")
_Recorded = tuple[EventId, int, bytes, int | None]


def render_event(
    *,
    id: str,  # noqa: A002
    type: str,  # noqa: A002
    created_at_us: int,
    environment: str,
    sequence: int,
    data: Mapping[str, Any],
) -> bytes:
    return _render(id, type, rfc3339(created_at_us), environment, sequence, data)


@dataclass(frozen=True, slots=True)
class _Subscriber:
    """The endpoint's columns that publishing needs. Deliveries to disabled endpoints are also inserted, but held."""

    id: str
    types: frozenset[str]  # empty: all
    first_wait_us: int
    ready_at: int | None  # The queue row's ready_at, as last read.
    is_told_codes: bool
    is_told_links: bool
    turn_us: int  # When the endpoint's rate limit allows the next delivery, or 0.
    filter: PayloadFilter | None
    is_ordered: bool


class Outbox:
    """One transaction's events, held in memory until flush.

    Lock the tenants' rows before creating an outbox with `load`, or with number_from and `reading`. Call flush
    once, before the commit.
    """

    def __init__(self) -> None:
        self._event_numbers: dict[Tenant, int] = {}
        self._subscribers: dict[Tenant, list[_Subscriber]] = {}
        self._changed: set[Tenant] = set()
        self._events: list[tuple[Any, ...]] = []
        self._deliveries: list[delivery.NewDelivery] = []
        self._queued: dict[str, endpoint_queue.QueueRow] = {}
        self._second = -1
        self._second_text = ""

    @classmethod
    async def load(cls, tx: Transaction, tenants: Collection[Tenant]) -> "Outbox":
        rows = await tx.fetch(_EVENT_NUMBERS, tenants=sorted(set(tenants)))
        outbox = cls()
        outbox.number_from(
            {Tenant(row["account_id"], row["environment"]): row["event_no"] for row in rows}
        )
        await tx.fetch_many([outbox.reading(tenants)])
        return outbox

    def number_from(self, event_numbers: Mapping[Tenant, int]) -> None:
        self._event_numbers.update(event_numbers)

    def reading(self, tenants: Collection[Tenant]) -> BatchRead:
        return BatchRead(_ENDPOINTS, self._take, tenants=sorted(set(tenants)))

    def _take(self, rows: Rows) -> None:
        for (
            account_id,
            environment,
            id_,
            events,
            schedule_s,
            ready_at,
            codes,
            links,
            rate,
            tat_us,
            wanted,
            ordered,
        ) in rows:
            subscriber = _Subscriber(
                id_,
                frozenset(events.split()),
                int(schedule_s.partition(" ")[0]) * SECOND_US,
                ready_at,
                bool(codes),
                bool(links),
                not_before(rate, tat_us),
                None if wanted is None else payload_filter(wanted),
                bool(ordered),
            )
            self._subscribers.setdefault(Tenant(account_id, environment), []).append(subscriber)

    @property
    def published(self) -> int:
        return len(self._events)

    def publish(
        self,
        tenant: Tenant,
        *,
        type: str,  # noqa: A002
        data: Mapping[str, Any],
        transaction_id: str | None = None,
        code_sealed: str | None = None,
        trace: str | None = None,
        now_us: int,
        except_endpoint_id: str | None = None,
    ) -> EventId:
        """Add an event, and a delivery for each endpoint whose types and filter match.

        If data has a voucher_code_hint, the code itself isn't stored (see webhooks/deliveries/stage.py).

        code_sealed: the encrypted code to send, if it isn't the voucher's own.
        """
        event_id, event_no, body, told_at = self._record(
            tenant, type, data, transaction_id, now_us, code_sealed, trace
        )
        stored: Mapping[str, Any] | None = None
        is_told = _TOLD_LINKS if type == LINKED_EVENT else _TOLD_CODES
        for subscriber in self._subscribers.get(tenant, ()):
            if subscriber.types and type not in subscriber.types:
                continue
            if subscriber.id == except_endpoint_id:
                continue
            if subscriber.filter is not None:
                if stored is None:
                    stored = data_of(body)
                if not subscriber.filter.matches(stored):
                    continue
            due_us = now_us + subscriber.first_wait_us
            ready_us = max(due_us, subscriber.turn_us)
            if subscriber.ready_at is None or ready_us < subscriber.ready_at:
                self._queue(subscriber.id, tenant, ready_us)
            self._deliveries.append(
                delivery.NewDelivery(
                    event_id=event_id,
                    endpoint_id=subscriber.id,
                    account_id=tenant.account_id,
                    environment=tenant.environment,
                    event_type=type,
                    transaction_id=transaction_id,
                    next_attempt_at=due_us,
                    created_at=now_us,
                    code_at=told_at if is_told(subscriber) else None,
                    place=place_of(transaction_id, data, event_no)
                    if subscriber.is_ordered
                    else None,
                )
            )
        return event_id

    def record(
        self,
        tenant: Tenant,
        *,
        type: str,  # noqa: A002
        data: Mapping[str, Any],
        trace: str | None = None,
        now_us: int,
    ) -> EventId:
        """Add an event for a test ping, without deliveries."""
        event_id, *_ = self._record(tenant, type, data, None, now_us, None, trace, is_sample=True)
        return event_id

    def _record(
        self,
        tenant: Tenant,
        event_type: str,
        data: Mapping[str, Any],
        transaction_id: str | None,
        now_us: int,
        code_sealed: str | None,
        trace: str | None,
        *,
        is_sample: bool = False,
    ) -> _Recorded:
        assert event_type in _KNOWN_TYPES, event_type
        event_no = self._event_numbers[tenant] + 1
        self._event_numbers[tenant] = event_no
        self._changed.add(tenant)
        account_id, environment = tenant
        event_id = EventId(new_id("evt"))
        body = _render(event_id, event_type, self._time_text(now_us), environment, event_no, data)
        code_at = link_at = None
        if not is_sample:
            if event_type == LINKED_EVENT:
                link_at = place_of_link(body)
            elif _has_code(data):
                code_at = place_of_code(body)
        self._events.append(
            (
                event_id,
                account_id,
                environment,
                event_no,
                event_type,
                transaction_id,
                body,
                code_at,
                code_sealed,
                trace,
                now_us,
            )
        )
        return event_id, event_no, body, code_at if link_at is None else link_at

    async def flush(self, tx: Transaction) -> None:
        if not self._events:
            return
        rows = [(*tenant, self._event_numbers[tenant]) for tenant in sorted(self._changed)]
        await tx.execute_deferred(_NUMBER, touching=len(rows), rows=rows)
        await tx.insert_deferred("events", _COLUMNS, self._events)
        await delivery.insert(tx, self._deliveries)
        await endpoint_queue.bring_forward(tx, list(self._queued.values()))
        tx.hint(HINT)
        self._changed, self._events, self._deliveries, self._queued = set(), [], [], {}

    def _queue(self, endpoint_id: str, tenant: Tenant, ready_us: int) -> None:
        before = self._queued.get(endpoint_id)
        if before is None or ready_us < before[3]:
            self._queued[endpoint_id] = (endpoint_id, *tenant, ready_us)

    def _time_text(self, now_us: int) -> str:
        # Format each second only once, because formatting costs more than the rest of an event.
        second = now_us // SECOND_US
        if second != self._second:
            self._second, self._second_text = second, rfc3339(now_us)
        return self._second_text


async def mark_test_event(tx: Transaction, event_id: EventId) -> None:
    """Mark one of this transaction's events as a test event."""
    await tx.execute(_MARK_SAMPLE, id=event_id)


def _render(
    event_id: str,
    event_type: str,
    created_at: str,
    environment: str,
    sequence: int,
    data: Mapping[str, Any],
) -> bytes:
    return _encode(
        {
            "id": event_id,
            "type": event_type,
            "created_at": created_at,
            "environment": environment,
            "api_version": API_VERSION,
            "sequence": sequence,
            "data": data,
        }
    )


def _has_code(data: Mapping[str, Any]) -> bool:
    if data.get("voucher_code_hint") is not None:
        return True
    given = data.get("deliverable")
    return given is not None and given["value_hint"] is not None


def check_type(event_type: str, param: str) -> None:
    if event_type not in _KNOWN_TYPES:
        raise InvalidInput(f"The event type must be one of {', '.join(EVENT_TYPES)}.", param=param)


EventTypeWord = Annotated[
    str, Meta(description="The event type.", extra_json_schema={"enum": list(EVENT_TYPES)})
]
Types = Annotated[
    list[EventTypeWord], Meta(description="The event types to send. Empty means all.")
]
