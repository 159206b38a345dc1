"""Walk the deliveries that a replay sends again, in order and in bounded pieces. Writes nothing.

What a replay of one moment matches never changes afterwards, except by pruning, because only deliveries that
had ended at as_of_us match, and an ended one never changes. So it can be counted first and walked later, by
any number of processes.

Each event matches at most once, by its newest matching delivery. An event doesn't match if a later delivery
of it was still open, or had arrived after the failed one. So a repeated replay sends only what is still
missing. Test pings never match. If only one response is wanted, the statements narrow the rows and alike.py
decides.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from store.database import Database, Row, Transaction
from webhooks.deliveries.stage import DELIVERED, FAILED
from webhooks.replays import alike
from webhooks.replays.alike import SameAnswer

# A delivery that is still being tried needs no replay; a cancelled one has no endpoint or isn't wanted.
REPLAYED_STATUSES: Final = (FAILED, DELIVERED)
COUNTED_AT_ONCE: Final = 20_000
# These rows carry the response's body, at most 4 KiB each.
READ_AT_ONCE: Final = 500

# Each statement walks one index. Failed rows are few, or all of them are the account's trouble.
_WALKED: Final[Mapping[str, str]] = {
    FAILED: (
        "d.account_id = :account_id AND d.environment = :environment"
        # The spelling must match the partial index, or SQLite doesn't use it.
        " AND d.status = 'failed' AND d.status <> 'delivered'"
    ),
    DELIVERED: "d.endpoint_id = :endpoint_id",
}
_STANDS_IN: Final[Mapping[str, str]] = {FAILED: "OR r.status = 'delivered'", DELIVERED: ""}
# It counts instead of using EXISTS, because a join planned for a small table may be reused when the table has
# grown. COALESCE keeps the last query off the endpoint's index, which would read everything for each row [11
# s instead of 30 ms for 10,000 rows]. By event, it finds the few replays of one.
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
_COLUMNS = "d.id, d.event_id, d.event_type, d.transaction_id, d.code_at, d.created_at"
_IN_ORDER = "ORDER BY d.created_at, d.id LIMIT :rows_max"
_ROWS = _by_status(f"SELECT {_COLUMNS} {_WHERE} {_IN_ORDER}")
_ALIKE = _by_status(f"SELECT {_COLUMNS}, {alike.BODY} {_WHERE} {alike.NARROWED} {_IN_ORDER}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint's deliveries by status, time and type. Empty event_types means all.

    since_us is inclusive; until_us is exclusive and at most as_of_us, the moment of the look. answer limits
    the match to deliveries with that response; null means any.
    """

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
    """A delivery's place in the walk, which goes from the oldest to the newest."""

    created_at: int
    id: str


class Found(NamedTuple):
    """The matching rows of one piece, where the walk continues, and whether it is over."""

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
