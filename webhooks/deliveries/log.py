"""Read deliveries and attempts, newest first, by keyset.

An id of another account or environment looks like one that doesn't exist. Writes nothing; shapes are those of
the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from kernel.errors import InvalidInput, NotFound
from kernel.ids import AttemptId, DeliveryId, EventId
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.row_mapping import RowMapping, as_json
from webhooks.deliveries.headers import shown
from webhooks.deliveries.log_page import DeliveryCursor, DeliveryFilter, query_of
from webhooks.deliveries.sequence import BLOCKED_BY
from webhooks.deliveries.stage import STATUSES

_MINE = "account_id = :account_id AND environment = :environment"
# A retry is shown as due; the end of a running attempt's lease is internal.
_IN_FLIGHT: Final = "sending"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request. reason is the operator's, and not part of the shape. duration in us."""

    id: AttemptId
    delivery_id: DeliveryId
    number: int
    started_at: int
    duration_us: int
    http_status: int | None
    error: str | None
    reason: str | None
    remote_address: str | None
    timings_ms: Mapping[str, float]
    request_headers: Mapping[str, str]
    body_sha256: str | None
    response_body: bytes

    @property
    def duration_ms(self) -> int:
        """Return at least the total of its steps, which a coarser clock than the duration's counts."""
        return max(self.duration_us // 1000, ceil(self.timings_ms.get("total", 0)))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to one endpoint. key_id and key_name: of the key that sent its top-up, if requested.

    next_attempt_at is null unless it is pending, and while it waits for blocked_by, another delivery of its
    object.
    """

    id: DeliveryId
    event_id: EventId
    event_type: str
    endpoint_id: str
    transaction_id: str | None
    status: str
    attempts_made: int
    next_attempt_at: int | None
    replay_of: str | None
    created_at: int
    blocked_by: str | None = None
    key_id: str | None = None
    key_name: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first, and where the next page continues; null: there is none.

    If filters skip many deliveries it may hold few or none, see webhooks/deliveries/log_page.py.
    """

    deliveries: Sequence[Delivery]
    next: DeliveryCursor | None


async def list_deliveries(
    tx: Transaction,
    tenant: Tenant,
    *,
    wanted: DeliveryFilter | None = None,
    before: DeliveryCursor | None = None,
    limit: int = PAGE_ITEMS,
) -> DeliveryPage:
    """List deliveries after `before`, newest first or in its order. Raises InvalidInput for a filter."""
    wanted = wanted or DeliveryFilter()
    if wanted.status is not None and wanted.status not in STATUSES:
        raise InvalidInput(f"`status` must be one of {', '.join(STATUSES)}.", param="status")
    query = query_of(wanted, before, columns=_COLUMNS)
    is_oldest_first = before is not None and before.is_oldest_first
    mine = {"account_id": tenant.account_id, "environment": tenant.environment}
    text, values, edge = query.page, {**query.values, **mine, "rows": limit + 1}, None
    if query.edge is not None:
        row = await tx.fetch_one(query.edge, **query.edge_values, **mine)
        if row is not None:
            edge = DeliveryCursor(row["created_at"], row["id"], is_oldest_first)
            text = query.page_to_edge
            values |= {"edge_at": edge.created_at, "edge_id": edge.id}
    found = [_delivery(row) for row in await tx.fetch(text, **values)]
    if len(found) > limit:
        last = found[limit - 1]
        return DeliveryPage(
            found[:limit], DeliveryCursor(last.created_at, last.id, is_oldest_first)
        )
    return DeliveryPage(found, edge)


async def get_delivery(tx: Transaction, tenant: Tenant, delivery_id: str) -> Delivery:
    row = await tx.fetch_one(
        _GET, id=delivery_id, account_id=tenant.account_id, environment=tenant.environment
    )
    if row is None:
        raise NotFound("Delivery", param="id")
    return _delivery(row)


async def attempts_of(tx: Transaction, tenant: Tenant, delivery_id: str) -> list[Attempt]:
    rows = await tx.fetch(
        _ATTEMPTS_OF, id=delivery_id, account_id=tenant.account_id, environment=tenant.environment
    )
    return [_attempt(row) for row in rows]


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The response to a delivery's newest attempt; http_status is null without one. duration in us."""

    delivery_id: str
    http_status: int | None
    error: str | None
    duration_us: int


async def last_answers(
    tx: Transaction, tenant: Tenant, delivery_ids: Sequence[str]
) -> dict[str, LastAnswer]:
    """Return them by the delivery's id, without deliveries that have no attempt or are of another account."""
    if not delivery_ids:
        return {}
    rows = await tx.fetch(
        _LAST_ANSWERS,
        ids=list(delivery_ids),
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    return {row["delivery_id"]: _ANSWERS.read(row) for row in rows}


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """The result of one attempt, without its headers and body. started_at and duration in us.

    http_status is null without a response, error if it was delivered.
    """

    id: str
    delivery_id: str
    number: int
    started_at: int
    duration_us: int
    http_status: int | None
    error: str | None


async def outcomes_of(
    tx: Transaction, tenant: Tenant, delivery_ids: Sequence[str]
) -> Sequence[AttemptOutcome]:
    """Return every attempt of these deliveries, each one's first to last, without those of another account."""
    if not delivery_ids:
        return ()
    rows = await tx.fetch(
        _OUTCOMES_OF,
        ids=list(delivery_ids),
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    return [_OUTCOMES.read(row) for row in rows]


_DELIVERIES = RowMapping(Delivery, without=("blocked_by", "key_id", "key_name"))
_COLUMNS = f"{_DELIVERIES.listed}, {BLOCKED_BY} AS blocked_by"
_OUTCOMES = RowMapping(AttemptOutcome)
_ANSWERS = RowMapping(LastAnswer)
_ATTEMPTS = RowMapping(
    Attempt,
    stored={"timings_ms": as_json(dict[str, float]), "request_headers": as_json(dict[str, str])},
)
_GET = f"SELECT {_COLUMNS} FROM deliveries d WHERE id = :id AND {_MINE}"
_ATTEMPTS_OF = f"""
SELECT {_ATTEMPTS.of("a")}, d.event_id, d.event_type
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id AND d.account_id = a.account_id
WHERE a.delivery_id = :id AND a.account_id = :account_id AND a.environment = :environment
ORDER BY a.number
"""
_OUTCOMES_OF = f"""
SELECT {_OUTCOMES.listed} FROM attempts
WHERE delivery_id IN :ids[text] AND {_MINE} ORDER BY delivery_id, number
"""
_LAST_ANSWERS = """
SELECT a.delivery_id, a.http_status, a.error, a.duration_us
FROM deliveries d JOIN attempts a ON a.delivery_id = d.id AND a.number = d.attempts_made
WHERE d.id IN :ids[text] AND d.account_id = :account_id AND d.environment = :environment
"""


def _attempt(row: Row) -> Attempt:
    found = _ATTEMPTS.read(row)
    headers = shown(
        found.request_headers,
        delivery_id=found.delivery_id,
        event_id=row["event_id"],
        event_type=row["event_type"],
        number=found.number,
    )
    return replace(found, request_headers=headers)


def _delivery(row: Row) -> Delivery:
    found, blocked_by = _DELIVERIES.read(row), row["blocked_by"]
    if found.status == _IN_FLIGHT or blocked_by is not None:
        return replace(found, next_attempt_at=None, blocked_by=blocked_by)
    return found
