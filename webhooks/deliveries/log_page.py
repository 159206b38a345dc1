"""Choose the index for a page of the delivery log: from a filter to SQL. Pure.

A page costs the same for any number of deliveries. A single filter, with or without times, walks an index
that holds nothing else. A filter without its own index (the common status, type, or a second one) checks
SCANNED_ROWS_MAX rows of the best index: a page may then hold few or none although the list continues.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from kernel.errors import InvalidInput
from kernel.ids import decode
from store.keyset import OLDEST_FIRST
from store.statement import unindexed

SCANNED_ROWS_MAX: Final = 3_000
COMMON_STATUS: Final = "delivered"
COMMON_TYPE: Final = "topup.delivered"

_MINE: Final = "d.account_id = :account_id AND d.environment = :environment"
# A partial index's own condition is spelled as in the schema, or the index isn't used.
_WALKS: Final[Mapping[str, str]] = {
    # Not by the tenant's index: SQLite would walk all of it, because that needs no sorting.
    "transaction_id": (
        f"d.transaction_id = :transaction_id AND {unindexed('d.account_id')} = :account_id"
        f" AND {unindexed('d.environment')} = :environment"
    ),
    "event_type": f"{_MINE} AND d.event_type = :event_type AND d.event_type <> '{COMMON_TYPE}'",
    "status": f"{_MINE} AND d.status = :status AND d.status <> '{COMMON_STATUS}'",
    # All deliveries of an endpoint are of its own account; for another's endpoint nothing is read.
    "endpoint_id": (
        "d.endpoint_id = (SELECT p.id FROM endpoints p WHERE p.id = :endpoint_id"
        " AND p.account_id = :account_id AND p.environment = :environment)"
    ),
    "": _MINE,
}
# Written so that no other index matches them.
_CHECKS: Final[Mapping[str, str]] = {
    name: f"{unindexed(f'd.{name}')} = :{name}" for name in ("status", "endpoint_id", "event_type")
}
_NEWEST_FIRST: Final = "ORDER BY d.created_at DESC, d.id DESC"
_OLDEST_FIRST: Final = "ORDER BY d.created_at, d.id"
SORTS: Final = frozenset({OLDEST_FIRST})


class DeliveryCursor(NamedTuple):
    """A delivery's place in the log's order, newest first or oldest first; a page continues after it."""

    created_at: int
    id: str
    is_oldest_first: bool = False

    def cursor(self) -> str:
        place = f"{self.created_at}.{self.id}"
        return f"{OLDEST_FIRST}.{place}" if self.is_oldest_first else place


_HEAD: Final = DeliveryCursor(0, "", is_oldest_first=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries to list; null: any. Times in microseconds, from inclusive, to exclusive."""

    status: str | None = None
    endpoint_id: str | None = None
    event_type: str | None = None
    transaction_id: str | None = None
    created_after: int | None = None
    created_before: int | None = None


class Query(NamedTuple):
    """One page's SQL. The caller adds account_id, environment, rows, and what `edge` found.

    page selects rows in the log's order. edge, if not null, selects the place of the last row to read. If
    there is one, `page_to_edge` replaces page, with edge_at and edge_id.
    """

    page: str
    page_to_edge: str
    edge: str | None
    values: Mapping[str, Any]
    edge_values: Mapping[str, Any]


def place_of(cursor: str | None) -> DeliveryCursor | None:
    """Parse a cursor, null at the newest; raise InvalidInput."""
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
            "This isn't a cursor of this list. Use `next_cursor` of the previous page.",
            param="cursor",
        )
    return DeliveryCursor(int(at), id_, place != cursor)


def query_of(wanted: DeliveryFilter, before: DeliveryCursor | None, *, columns: str) -> Query:
    """Return the page's query, from after `before`; columns of d."""
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
    # One top-up has few deliveries, however they are searched.
    if checked and walked != "transaction_id":
        edge = (
            f"SELECT d.created_at, d.id FROM deliveries d WHERE {walk} {order}"
            f" LIMIT 1 OFFSET {SCANNED_ROWS_MAX - 1}"
        )
    limited = f"{order} LIMIT :rows"
    to_edge = f"{page} AND (d.created_at, d.id) {way} (:edge_at, :edge_id) {limited}"
    return Query(f"{page} {limited}", to_edge, edge, values, edge_values)


def _upper(wanted: DeliveryFilter, place: DeliveryCursor | None) -> DeliveryCursor | None:
    """Return the single upper bound, because an index has one upper end."""
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
