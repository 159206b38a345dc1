"""Which index serves a page of the delivery log: pure, from a filter to SQL.

Promise: a page costs the same however many deliveries there are. A single filter, with or without
times, walks an index that holds nothing else. What has no index of its own, the common status and
type or a second filter beside the first, is looked for among SCANNED_ROWS_MAX rows of the best one:
a page may then hold few or none and go on all the same, as the pages of events do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from kernel.errors import InvalidInput
from kernel.ids import decode

SCANNED_ROWS_MAX: Final = 3_000
COMMON_STATUS: Final = "delivered"
COMMON_TYPE: Final = "topup.delivered"

_MINE: Final = "d.account_id = :account_id AND d.environment = :environment"
# A partial index's own condition is spelled as in the schema, or the index is not used.
_WALKS: Final[Mapping[str, str]] = {
    # The tenant joined with nothing: SQLite would rather walk all of it, which needs no sorting.
    "transaction_id": (
        "d.transaction_id = :transaction_id AND d.account_id || '' = :account_id"
        " AND d.environment || '' = :environment"
    ),
    "event_type": f"{_MINE} AND d.event_type = :event_type AND d.event_type <> '{COMMON_TYPE}'",
    "status": f"{_MINE} AND d.status = :status AND d.status <> '{COMMON_STATUS}'",
    # All deliveries of an endpoint are of its own account; another's is none, before any is read.
    "endpoint_id": (
        "d.endpoint_id = (SELECT p.id FROM endpoints p WHERE p.id = :endpoint_id"
        " AND p.account_id = :account_id AND p.environment = :environment)"
    ),
    "": _MINE,
}
# Joined with nothing, so that no other index offers itself for them.
_CHECKS: Final[Mapping[str, str]] = {
    name: f"d.{name} || '' = :{name}" for name in ("status", "endpoint_id", "event_type")
}
_ORDER: Final = "ORDER BY d.created_at DESC, d.id DESC"


class DeliveryCursor(NamedTuple):
    """A delivery's place in the log's order, newest first; a page goes on after it."""

    created_at: int
    id: str

    def cursor(self) -> str:
        return f"{self.created_at}.{self.id}"


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

    page selects rows in the log's order. edge is null where all that is walked matches; else it
    selects the place of the last row to look at, none where the walk ends before: if there is one,
    `page_to_edge` takes the place of page, with edge_at and edge_id.
    """

    page: str
    page_to_edge: str
    edge: str | None
    values: Mapping[str, Any]
    edge_values: Mapping[str, Any]


def place_of(cursor: str | None) -> DeliveryCursor | None:
    """The place that a cursor names, null at the log's head; raises InvalidInput."""
    if cursor is None:
        return None
    at, _, id_ = cursor.partition(".")
    kind, _, number = id_.partition("_")
    try:
        decode(number)
    except ValueError:
        kind = ""
    if kind != "dlv" or not (at.isascii() and at.isdigit() and len(at) <= 18):
        raise InvalidInput("not a cursor of this list", param="cursor")
    return DeliveryCursor(int(at), id_)


def query_of(wanted: DeliveryFilter, before: DeliveryCursor | None, *, columns: str) -> Query:
    """The page's query, from after `before`; columns of d."""
    walked = _walked(wanted)
    clauses, values = [_WALKS[walked]], {}
    if walked:
        values[walked] = getattr(wanted, walked)
    if wanted.created_after is not None:
        clauses.append("d.created_at >= :created_after")
        values["created_after"] = wanted.created_after
    if (upper := _upper(wanted, before)) is not None:
        clauses.append("(d.created_at, d.id) < (:before_at, :before_id)")
        values |= {"before_at": upper.created_at, "before_id": upper.id}
    checked = [name for name in _CHECKS if name != walked and getattr(wanted, name) is not None]
    walk, edge_values = " AND ".join(clauses), dict(values)
    values |= {name: getattr(wanted, name) for name in checked}
    checks = "".join(f" AND {_CHECKS[name]}" for name in checked)
    page = f"SELECT {columns} FROM deliveries d WHERE {walk}{checks}"
    edge = None
    # One top-up has few deliveries, however they are looked through.
    if checked and walked != "transaction_id":
        edge = (
            f"SELECT d.created_at, d.id FROM deliveries d WHERE {walk} {_ORDER}"
            f" LIMIT 1 OFFSET {SCANNED_ROWS_MAX - 1}"
        )
    limited = f"{_ORDER} LIMIT :rows"
    to_edge = f"{page} AND (d.created_at, d.id) >= (:edge_at, :edge_id) {limited}"
    return Query(f"{page} {limited}", to_edge, edge, values, edge_values)


def _upper(wanted: DeliveryFilter, before: DeliveryCursor | None) -> DeliveryCursor | None:
    """One bound of the two, since an index has one upper end."""
    if wanted.created_before is None:
        return before
    bound = DeliveryCursor(wanted.created_before, "")
    return bound if before is None else min(bound, before)


def _walked(wanted: DeliveryFilter) -> str:
    """The filter that picks the index: the one that leaves fewest rows first."""
    if wanted.transaction_id is not None:
        return "transaction_id"
    if wanted.event_type not in {None, COMMON_TYPE}:
        return "event_type"
    if wanted.status not in {None, COMMON_STATUS}:
        return "status"
    return "" if wanted.endpoint_id is None else "endpoint_id"
