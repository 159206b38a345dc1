"""Read deliveries and attempts, newest first, with keyset pagination. Another tenant's ID is reported as unknown.

A single filter uses its own index, even together with a period. With more filters, a page checks at most
SCANNED_ROWS_MAX rows of the best index. So a page may be empty although more pages follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final, NamedTuple

from kernel.errors import InvalidInput, NotFound
from kernel.ids import AttemptId, DeliveryId, EventId, decode
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.keyset import OLDEST_FIRST
from store.row_mapping import RowMapping, as_json
from store.statement import unindexed
from webhooks.deliveries.message import shown_headers
from webhooks.deliveries.sequence import BLOCKED_BY
from webhooks.deliveries.stage import STATUSES

SCANNED_ROWS_MAX: Final = 3_000
COMMON_STATUS: Final = "delivered"
COMMON_TYPE: Final = "topup.delivered"

_OWN: Final = "d.account_id = :account_id AND d.environment = :environment"
# SQLite uses a partial index only if the query repeats its condition exactly.
_WALKS: Final[Mapping[str, str]] = {
    # Hide the tenant's columns from SQLite's planner. Otherwise, it scans their whole index to avoid sorting.
    "transaction_id": (
        f"d.transaction_id = :transaction_id AND {unindexed('d.account_id')} = :account_id"
        f" AND {unindexed('d.environment')} = :environment"
    ),
    "event_type": f"{_OWN} AND d.event_type = :event_type AND d.event_type <> '{COMMON_TYPE}'",
    "status": f"{_OWN} AND d.status = :status AND d.status <> '{COMMON_STATUS}'",
    "endpoint_id": (
        "d.endpoint_id = (SELECT p.id FROM endpoints p WHERE p.id = :endpoint_id"
        " AND p.account_id = :account_id AND p.environment = :environment)"
    ),
    "": _OWN,
}
# These filters are checked row by row, so they are written in a form that no index matches.
_CHECKS: Final[Mapping[str, str]] = {
    name: f"{unindexed(f'd.{name}')} = :{name}" for name in ("status", "endpoint_id", "event_type")
}
_NEWEST_FIRST: Final = "ORDER BY d.created_at DESC, d.id DESC"
_OLDEST_FIRST: Final = "ORDER BY d.created_at, d.id"
SORTS: Final = frozenset({OLDEST_FIRST})
_MINE = "account_id = :account_id AND environment = :environment"
# The status of a delivery in flight. Its next_attempt_at is the lease's end, so it isn't shown.
_IN_FLIGHT: Final = "sending"
_LAST_ANSWERS = """
SELECT a.delivery_id, a.http_status, a.error, a.duration_us
FROM deliveries d JOIN attempts a ON a.delivery_id = d.id AND a.number = d.attempts_made
WHERE d.id IN :ids[text] AND d.account_id = :account_id AND d.environment = :environment
"""


class DeliveryCursor(NamedTuple):
    created_at: int
    id: str
    is_oldest_first: bool = False

    def cursor(self) -> str:
        place = f"{self.created_at}.{self.id}"
        return f"{OLDEST_FIRST}.{place}" if self.is_oldest_first else place


_HEAD: Final = DeliveryCursor(0, "", is_oldest_first=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Filters for deliveries. A filter that is None matches everything. The end time is exclusive."""

    status: str | None = None
    endpoint_id: str | None = None
    event_type: str | None = None
    transaction_id: str | None = None
    created_after: int | None = None
    created_before: int | None = None


class Query(NamedTuple):
    """One page's SQL. The caller adds the tenant and the number of rows.

    If edge is set, it selects the last row that the page may check. If that row exists, run page_to_edge with
    edge_at and edge_id instead of page.
    """

    page: str
    page_to_edge: str
    edge: str | None
    values: Mapping[str, Any]
    edge_values: Mapping[str, Any]


def place_of(cursor: str | None) -> DeliveryCursor | None:
    if cursor is None:
        return None
    if cursor == OLDEST_FIRST:
        return _HEAD
    place = cursor.removeprefix(f"{OLDEST_FIRST}.")
    at, _, id_ = place.partition(".")
    kind, _, number = id_.partition("_")
    try:
        decode(number)
    except ValueError:
        kind = ""
    if kind != "dlv" or not (at.isascii() and at.isdigit() and len(at) <= 18):
        raise InvalidInput(
            "This cursor doesn't belong to this list. Use `next_cursor` from the previous page.",
            param="cursor",
        )
    return DeliveryCursor(int(at), id_, place != cursor)


def query_of(wanted: DeliveryFilter, before: DeliveryCursor | None, *, columns: str) -> Query:
    walked = _walked(wanted)
    clauses, values = [_WALKS[walked]], {}
    if walked:
        values[walked] = getattr(wanted, walked)
    is_oldest_first = before is not None and before.is_oldest_first
    order, way = (_OLDEST_FIRST, "<=") if is_oldest_first else (_NEWEST_FIRST, ">=")
    if (lower := _lower(wanted, before)) is not None:
        clauses.append("(d.created_at, d.id) > (:after_at, :after_id)")
        values |= {"after_at": lower.created_at, "after_id": lower.id}
    if (upper := _upper(wanted, before)) is not None:
        clauses.append("(d.created_at, d.id) < (:before_at, :before_id)")
        values |= {"before_at": upper.created_at, "before_id": upper.id}
    checked = [name for name in _CHECKS if name != walked and getattr(wanted, name) is not None]
    walk, edge_values = " AND ".join(clauses), dict(values)
    values |= {name: getattr(wanted, name) for name in checked}
    checks = "".join(f" AND {_CHECKS[name]}" for name in checked)
    page = f"SELECT {columns} FROM deliveries d WHERE {walk}{checks}"
    edge = None
    if checked and walked != "transaction_id":
        edge = (
            f"SELECT d.created_at, d.id FROM deliveries d WHERE {walk} {order}"
            f" LIMIT 1 OFFSET {SCANNED_ROWS_MAX - 1}"
        )
    limited = f"{order} LIMIT :rows"
    to_edge = f"{page} AND (d.created_at, d.id) {way} (:edge_at, :edge_id) {limited}"
    return Query(f"{page} {limited}", to_edge, edge, values, edge_values)


def _upper(wanted: DeliveryFilter, place: DeliveryCursor | None) -> DeliveryCursor | None:
    before = None if place is None or place.is_oldest_first else place
    if wanted.created_before is None:
        return before
    bound = DeliveryCursor(wanted.created_before, "")
    return bound if before is None else min(bound, before)


def _lower(wanted: DeliveryFilter, place: DeliveryCursor | None) -> DeliveryCursor | None:
    after = place if place is not None and place.is_oldest_first else None
    if wanted.created_after is None:
        return after
    bound = DeliveryCursor(wanted.created_after, "", is_oldest_first=True)
    return bound if after is None else max(bound, after)


def _walked(wanted: DeliveryFilter) -> str:
    if wanted.transaction_id is not None:
        return "transaction_id"
    if wanted.event_type not in {None, COMMON_TYPE}:
        return "event_type"
    if wanted.status not in {None, COMMON_STATUS}:
        return "status"
    return "" if wanted.endpoint_id is None else "endpoint_id"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request to an endpoint. Only operators may see reason."""

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
        """Return the duration, which is at least the total of the measured steps."""
        return max(self.duration_us // 1000, ceil(self.timings_ms.get("total", 0)))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event's delivery to one endpoint.

    next_attempt_at is set only while the delivery is pending and isn't blocked by another one.
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
    """List deliveries after the cursor `before`. Raise InvalidInput if a filter isn't valid."""
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
    """A delivery's last attempt. http_status is None if no response came."""

    delivery_id: str
    http_status: int | None
    error: str | None
    duration_us: int


async def last_answers(
    tx: Transaction, tenant: Tenant, delivery_ids: Sequence[str]
) -> dict[str, LastAnswer]:
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
    """One attempt without its headers and body. error is None if the attempt succeeded."""

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
    """Return every attempt of these deliveries, oldest first within each delivery."""
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


def _attempt(row: Row) -> Attempt:
    found = _ATTEMPTS.read(row)
    headers = shown_headers(
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
