"""Choose the deliveries that a replay sends again, and walk them in order and in bounded pieces.

Only deliveries that had ended at as_of_us match, so what a replay matches changes only by pruning. Each
event matches at most once, by its newest matching delivery, and not if a later delivery of it was still
open or had arrived. Test pings never match.

`like` limits the match to deliveries with the same HTTP status, error, and words of the body.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from webhooks.deliveries.endpoint_health import BODY_BYTES, phrase_of
from webhooks.deliveries.stage import DELIVERED, FAILED
from webhooks.endpoints.fields import check_events

_LAST: Final = "FROM attempts a WHERE a.delivery_id = d.id AND a.number = d.attempts_made"
# The last attempt, by its key.
NARROWED: Final = f"""
AND COALESCE((SELECT a.http_status {_LAST}), 0) = :http_status
AND COALESCE((SELECT a.error {_LAST}), '') = :error
"""
BODY: Final = f"(SELECT SUBSTR(a.response_body, 1, {BODY_BYTES}) {_LAST}) AS response_body"
_ONE: Final = f"""
SELECT d.status, (SELECT a.http_status {_LAST}) AS http_status, (SELECT a.error {_LAST}) AS error, {BODY}
FROM deliveries d
WHERE d.id = :id AND d.endpoint_id = :endpoint_id AND d.account_id = :account_id
  AND d.environment = :environment
"""
# A delivery that is still tried needs no replay; a cancelled one isn't wanted.
REPLAYED_STATUSES: Final = (FAILED, DELIVERED)
COUNTED_AT_ONCE: Final = 20_000
# With the response's body, at most 4 KiB each.
READ_AT_ONCE: Final = 500
# Each statement walks one index.
_WALKED: Final[Mapping[str, str]] = {
    FAILED: (
        "d.account_id = :account_id AND d.environment = :environment"
        # Spelled as in the partial index, or SQLite doesn't use it.
        " AND d.status = 'failed' AND d.status <> 'delivered'"
    ),
    DELIVERED: "d.endpoint_id = :endpoint_id",
}
_STANDS_IN: Final[Mapping[str, str]] = {FAILED: "OR r.status = 'delivered'", DELIVERED: ""}
# It counts instead of using EXISTS, because a join planned for a small table may be reused when the table has
# grown. COALESCE keeps the last query off the endpoint's index, which would read everything for each row [11
# s instead of 30 ms for 10,000 rows].
_WHERE = """
FROM deliveries d
WHERE {walked} AND (d.created_at, d.id) > (:after_at, :after_id)
  AND (d.created_at, d.id) <= (:end_at, :end_id)
  AND d.endpoint_id = :endpoint_id AND d.status = '{status}' AND d.settled_at <= :as_of_us
  AND (:is_any_type = 1 OR d.event_type IN :event_types[text])
  AND (SELECT COUNT(*) FROM events e WHERE e.id = d.event_id AND e.is_sample = 0) = 1
  AND (
    SELECT COUNT(*) FROM deliveries r
    WHERE r.event_id = d.event_id AND r.replay_of IS NOT NULL
      AND COALESCE(r.endpoint_id, '') = d.endpoint_id AND r.id > d.id AND r.created_at < :as_of_us
      AND (r.settled_at IS NULL OR r.settled_at > :as_of_us {stands_in}
        OR (r.status = d.status AND r.created_at >= :since_us AND r.created_at < :until_us))) = 0
"""
_COLUMNS = "d.id, d.event_id, d.event_type, d.transaction_id, d.code_at, d.created_at"
_IN_ORDER = "ORDER BY d.created_at, d.id LIMIT :rows_max"
RATE_PER_S: Final = 50
RATE_PER_S_MAX: Final = 1_000
_ENDPOINT: Final = """
SELECT id FROM endpoints
WHERE id = :id AND account_id = :account_id AND environment = :environment AND deleted_at IS NULL
"""


class SameAnswer(NamedTuple):
    """phrase comes from the response's body."""

    http_status: int | None
    error: str | None
    phrase: str

    def values(self) -> dict[str, object]:
        return {"http_status": self.http_status or 0, "error": self.error or ""}

    def fits(self, row: Row) -> bool:
        return _phrase(row) == self.phrase


async def answer_of(
    tx: Transaction, tenant: Tenant, endpoint_id: str, delivery_id: str
) -> SameAnswer:
    """Return the response to a failed delivery of the endpoint; raise NotFound and InvalidInput."""
    row = await tx.fetch_one(
        _ONE,
        id=delivery_id,
        endpoint_id=endpoint_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    if row is None:
        raise NotFound("Delivery", param="like")
    if row["status"] != FAILED:
        raise InvalidInput("`like` must be the ID of a failed delivery.", param="like")
    return SameAnswer(row["http_status"], row["error"], _phrase(row))


def _phrase(row: Row) -> str:
    body = row["response_body"]
    return phrase_of(bytes(body)) if body else ""


def _by_status(text: str) -> Mapping[str, str]:
    return {
        status: text.format(status=status, walked=walked, stands_in=_STANDS_IN[status])
        for status, walked in _WALKED.items()
    }


_PIECE = _by_status("""
SELECT d.created_at, d.id FROM deliveries d
WHERE {walked} AND (d.created_at, d.id) > (:after_at, :after_id) AND d.created_at < :until_us
ORDER BY d.created_at, d.id LIMIT 1 OFFSET :skipped
""")
_COUNT = _by_status(f"SELECT COUNT(*) AS n {_WHERE}")
_ROWS = _by_status(f"SELECT {_COLUMNS} {_WHERE} {_IN_ORDER}")
_ALIKE = _by_status(f"SELECT {_COLUMNS}, {BODY} {_WHERE} {NARROWED} {_IN_ORDER}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """until_us is exclusive and at most as_of_us, the moment of the look. Null answer: any."""

    account_id: str
    environment: str
    endpoint_id: str
    status: str
    event_types: tuple[str, ...]
    since_us: int
    until_us: int
    as_of_us: int
    answer: SameAnswer | None = None


class ReplayCursor(NamedTuple):
    created_at: int
    id: str


class Found(NamedTuple):
    rows: Sequence[Row]
    after: ReplayCursor
    is_end: bool


def first_cursor(wanted: Wanted) -> ReplayCursor:
    return ReplayCursor(wanted.since_us, "")


async def count(database: Database, wanted: Wanted) -> int:
    """Count in short reads that delay no other work."""
    if wanted.answer is not None:
        return await _count_alike(database, wanted)
    after, total, is_end = first_cursor(wanted), 0, False
    while not is_end:

        async def look(
            tx: Transaction, after: ReplayCursor = after
        ) -> tuple[int, ReplayCursor, bool]:
            end, is_last = await _piece(tx, wanted, after, COUNTED_AT_ONCE)
            row = await tx.fetch_one(_COUNT[wanted.status], **_values(wanted, after, end))
            return (row["n"] if row is not None else 0), end, is_last

        matched, after, is_end = await database.read(look)
        total += matched
    return total


async def _count_alike(database: Database, wanted: Wanted) -> int:
    after, total, is_end = first_cursor(wanted), 0, False
    while not is_end:

        async def look(tx: Transaction, after: ReplayCursor = after) -> Found:
            return await next_rows(
                tx, wanted, after, looked_at_max=READ_AT_ONCE, rows_max=READ_AT_ONCE
            )

        found = await database.read(look)
        after, is_end, total = found.after, found.is_end, total + len(found.rows)
    return total


async def next_rows(
    tx: Transaction, wanted: Wanted, after: ReplayCursor, *, looked_at_max: int, rows_max: int
) -> Found:
    end, is_last = await _piece(tx, wanted, after, looked_at_max)
    rows = await _matching(tx, wanted, _values(wanted, after, end), looked_at_max, rows_max)
    if len(rows) == rows_max:
        last = rows[-1]
        return Found(rows, ReplayCursor(last["created_at"], last["id"]), is_end=False)
    return Found(rows, end, is_last)


async def _matching(
    tx: Transaction, wanted: Wanted, values: Mapping[str, Any], looked_at_max: int, rows_max: int
) -> Sequence[Row]:
    if wanted.answer is None:
        return await tx.fetch(_ROWS[wanted.status], rows_max=rows_max, **values)
    found = await tx.fetch(
        _ALIKE[wanted.status], rows_max=looked_at_max, **values, **wanted.answer.values()
    )
    fitting = filter(wanted.answer.fits, found)
    return list(itertools.islice(fitting, rows_max))


async def _piece(
    tx: Transaction, wanted: Wanted, after: ReplayCursor, size: int
) -> tuple[ReplayCursor, bool]:
    """Return the last place of the next `size` rows, and whether the walk ends there."""
    values = _values(wanted, after)
    row = await tx.fetch_one(_PIECE[wanted.status], skipped=size - 1, **values)
    if row is None:
        return ReplayCursor(wanted.until_us, ""), True
    return ReplayCursor(row["created_at"], row["id"]), False


def _values(wanted: Wanted, after: ReplayCursor, end: ReplayCursor | None = None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "account_id": wanted.account_id,
        "environment": wanted.environment,
        "endpoint_id": wanted.endpoint_id,
        "event_types": wanted.event_types,
        "is_any_type": int(not wanted.event_types),
        "since_us": wanted.since_us,
        "until_us": wanted.until_us,
        "as_of_us": wanted.as_of_us,
        "after_at": after.created_at,
        "after_id": after.id,
    }
    if end is not None:
        values |= {"end_at": end.created_at, "end_id": end.id}
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReplay:
    """Null times mean from the first and until now. like is the id of a failed delivery."""

    since_us: int | None = None
    until_us: int | None = None
    status: str = FAILED
    events: tuple[str, ...] = ()
    rate_per_s: int | None = None
    like: str | None = None
    ramp: bool = False


def rate_of(new: NewReplay) -> int:
    if new.rate_per_s is None:
        return RATE_PER_S
    if not 1 <= new.rate_per_s <= RATE_PER_S_MAX:
        raise InvalidInput(f"`rate_per_s` must be from 1 to {RATE_PER_S_MAX}.", param="rate_per_s")
    return new.rate_per_s


async def load_wanted(
    database: Database, tenant: Tenant, endpoint_id: str, new: NewReplay, *, now_us: int
) -> Wanted:
    """Return what the replay matches if it is made now. Raises InvalidInput and NotFound."""
    wanted = wanted_of(tenant, endpoint_id, new, now_us=now_us)
    like = new.like
    if like is None:
        return wanted

    async def look(tx: Transaction) -> SameAnswer:
        await check_endpoint(tx, wanted)
        return await answer_of(tx, tenant, endpoint_id, like)

    return replace(wanted, answer=await database.read(look))


def wanted_of(tenant: Tenant, endpoint_id: str, new: NewReplay, *, now_us: int) -> Wanted:
    if new.status not in REPLAYED_STATUSES:
        raise InvalidInput(f"`status` must be {' or '.join(REPLAYED_STATUSES)}.", param="status")
    if new.like is not None and new.status != FAILED:
        raise InvalidInput("`like` can only be combined with status failed.", param="like")
    rate_of(new)
    since_us = max(0, new.since_us or 0)
    until_us = now_us if new.until_us is None else min(new.until_us, now_us)
    if since_us >= until_us:
        raise InvalidInput("`since` must be before `until` and in the past.", param="since")
    types = tuple(check_events(new.events).split())
    return Wanted(*tenant, endpoint_id, new.status, types, since_us, until_us, now_us)


async def count_wanted(database: Database, wanted: Wanted) -> int:
    """Raise NotFound for the endpoint."""

    async def look(tx: Transaction) -> None:
        await check_endpoint(tx, wanted)

    await database.read(look)
    return await count(database, wanted)


async def check_endpoint(tx: Transaction, wanted: Wanted) -> None:
    found = await tx.fetch_one(
        _ENDPOINT,
        id=wanted.endpoint_id,
        account_id=wanted.account_id,
        environment=wanted.environment,
    )
    if found is None:
        raise NotFound("Webhook", param="id")
