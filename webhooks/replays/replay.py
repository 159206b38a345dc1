"""Run replays: jobs that resend an endpoint's deliveries from a period.

Only deliveries that had ended by as_of_us match. Each event matches once, by its newest matching delivery. An event
doesn't match if a later delivery of it was open or had succeeded. `like` limits matches to the same HTTP status,
error and response text. Test pings never match.

Each match is sent again exactly once, as a new delivery. Cancelling a replay also cancels its deliveries, except
those that are being sent. Every change holds the account's lock.

    running <--> paused      running | paused --> cancelled
    running --all is queued and settled--> done

A job is refused if it might queue the same deliveries as another job.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import ReplayId, new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import WORDS, RowMapping
from webhooks.deliveries import delivery
from webhooks.deliveries.endpoint_health import BODY_BYTES, phrase_of
from webhooks.deliveries.stage import CANCELLED, DELIVERED, FAILED, PENDING, SENDING
from webhooks.endpoints.fields import check_events

_LAST: Final = "FROM attempts a WHERE a.delivery_id = d.id AND a.number = d.attempts_made"
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
# Open deliveries need no replay, and cancelled ones aren't wanted.
REPLAYED_STATUSES: Final = (FAILED, DELIVERED)
COUNTED_AT_ONCE: Final = 20_000
READ_AT_ONCE: Final = 500
_WALKED: Final[Mapping[str, str]] = {
    FAILED: (
        "d.account_id = :account_id AND d.environment = :environment"
        # SQLite uses a partial index only if the query repeats its condition exactly.
        " AND d.status = 'failed' AND d.status <> 'delivered'"
    ),
    DELIVERED: "d.endpoint_id = :endpoint_id",
}
_STANDS_IN: Final[Mapping[str, str]] = {FAILED: "OR r.status = 'delivered'", DELIVERED: ""}
# COUNT replaces EXISTS, because for EXISTS PostgreSQL may reuse a join that it planned for a small table. COALESCE
# keeps the last query from using the index by endpoint, which would read everything for each row.
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
    """What similar failures have in common. `phrase` is a line from the response body."""

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
    """Return the endpoint's response to a failed delivery. Raise InvalidInput if the delivery didn't fail."""
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
    """Which deliveries match. until_us is exclusive, and at most as_of_us, the time of the request.

    If `answer` is None, any response matches.
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
    created_at: int
    id: str


class Found(NamedTuple):
    rows: Sequence[Row]
    after: ReplayCursor
    is_end: bool


def first_cursor(wanted: Wanted) -> ReplayCursor:
    return ReplayCursor(wanted.since_us, "")


async def count(database: Database, wanted: Wanted) -> int:
    if wanted.answer is not None:
        return await _count_alike(database, wanted)
    after, total, is_end = first_cursor(wanted), 0, False
    while not is_end:

        async def fetch(
            tx: Transaction, after: ReplayCursor = after
        ) -> tuple[int, ReplayCursor, bool]:
            end, is_last = await _piece(tx, wanted, after, COUNTED_AT_ONCE)
            row = await tx.fetch_one(_COUNT[wanted.status], **_values(wanted, after, end))
            return (row["n"] if row is not None else 0), end, is_last

        matched, after, is_end = await database.read(fetch)
        total += matched
    return total


async def _count_alike(database: Database, wanted: Wanted) -> int:
    after, total, is_end = first_cursor(wanted), 0, False
    while not is_end:

        async def fetch(tx: Transaction, after: ReplayCursor = after) -> Found:
            return await next_rows(
                tx, wanted, after, looked_at_max=READ_AT_ONCE, rows_max=READ_AT_ONCE
            )

        found = await database.read(fetch)
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
    """A replay to create. Without times, it covers everything until now. `like` is a failed delivery's ID."""

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
    """Return what the replay would match if it were created now."""
    wanted = wanted_of(tenant, endpoint_id, new, now_us=now_us)
    like = new.like
    if like is None:
        return wanted

    async def fetch(tx: Transaction) -> SameAnswer:
        await check_endpoint(tx, wanted)
        return await answer_of(tx, tenant, endpoint_id, like)

    return replace(wanted, answer=await database.read(fetch))


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
    async def fetch(tx: Transaction) -> None:
        await check_endpoint(tx, wanted)

    await database.read(fetch)
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


# The second condition also finds deliveries that were queued after the count.
_OTHERS = """
SELECT r.id, r.event_types, r.like_status, r.like_error, r.like_phrase FROM replays r
WHERE r.account_id = :account_id AND r.environment = :environment
  AND r.endpoint_id = :endpoint_id AND r.delivery_status = :status
  AND r.since_at < :until_us AND r.until_at > :since_us
  AND (r.status IN ('running', 'paused') AND r.is_queued = 0
    OR (r.ended_at IS NULL OR r.ended_at >= :as_of_us) AND EXISTS (
      SELECT 1 FROM deliveries d
      WHERE d.endpoint_id = :endpoint_id AND d.created_at >= :as_of_us
        AND d.replay_id = r.id AND d.replay_id IS NOT NULL))
ORDER BY r.id LIMIT 20
"""
RUNNING: Final = "running"
PAUSED: Final = "paused"
DONE: Final = "done"
UNFINISHED_MAX: Final = 10
_MINE = "account_id = :account_id AND environment = :environment"
_UNFINISHED = f"""
SELECT COUNT(*) AS n FROM replays WHERE {_MINE} AND status IN ('running', 'paused')
"""
_CHANGE = """
UPDATE replays SET status = :status, next_step_at = :next_step_at, ended_at = :ended_at,
    ramp_size = :ramp_size, ramp_at = :ramp_at, paused_reason = :paused_reason
WHERE id = :id
"""
# Successful deliveries aren't counted, because there may be too many of them.
_OF_JOBS = """
SELECT d.replay_id, d.status, COUNT(*) AS n FROM deliveries d
WHERE d.replay_id IN :ids[text] AND d.replay_id IS NOT NULL
  AND d.status IN ('pending', 'sending', 'failed', 'cancelled')
GROUP BY d.replay_id, d.status
"""


class ReplayOverlaps(DomainError):
    """Another replay is still queueing, and may send some of the same deliveries."""


async def check_others(tx: Transaction, wanted: Wanted) -> None:
    """Raise ReplayOverlaps with the ID of another replay that might queue the same deliveries."""
    rows = await tx.fetch(
        _OTHERS,
        account_id=wanted.account_id,
        environment=wanted.environment,
        endpoint_id=wanted.endpoint_id,
        status=wanted.status,
        since_us=wanted.since_us,
        until_us=wanted.until_us,
        as_of_us=wanted.as_of_us,
    )
    for row in rows:
        if _may_share(row, wanted):
            raise ReplayOverlaps(
                "Another replay of this webhook may send some of the same deliveries. Wait until "
                "it ends, or cancel it, then try again.",
                reason="replay_running",
                extra={"replay_id": row["id"]},
            )


def _may_share(row: Row, wanted: Wanted) -> bool:
    types = set(row["event_types"].split())
    if types and wanted.event_types and types.isdisjoint(wanted.event_types):
        return False
    if row["like_phrase"] is None or wanted.answer is None:
        return True
    return wanted.answer == (row["like_status"], row["like_error"], row["like_phrase"])


class TooManyReplays(DomainError):
    pass


class ReplayEnded(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class Replay:
    """A row of replays. Times are in microseconds.

    - done: how many deliveries succeeded or failed.
    - failed: how many failed. Until the replay has finished, both are null and its deliveries are counted instead.
    - matched: the first count or, after queueing, the number queued. Those that aren't done are open or cancelled.
    - next_step_at: null once the counts are final.
    - like_id: the failed delivery whose response all matches share. like_phrase is then set, too.
    - ramp_size: how many deliveries may be under way, or null without a ramp.
    - ramp_at: when the ramp began, or null without a ramp. Only later results count for the ramp.
    """

    id: ReplayId
    account_id: str
    environment: str
    endpoint_id: str
    status: str
    delivery_status: str
    event_types: tuple[str, ...]
    since_at: int
    until_at: int
    rate_per_s: int
    matched: int
    queued: int
    after_at: int
    after_id: str
    is_queued: bool
    next_step_at: int | None
    done: int | None
    failed: int | None
    created_at: int
    ended_at: int | None
    like_id: str | None = None
    like_status: int | None = None
    like_error: str | None = None
    like_phrase: str | None = None
    ramp_size: int | None = None
    ramp_at: int | None = None
    paused_reason: str | None = None

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            self.account_id,
            self.environment,
            self.endpoint_id,
            self.delivery_status,
            self.event_types,
            self.since_at,
            self.until_at,
            self.created_at,
            self._answer,
        )

    @property
    def _answer(self) -> SameAnswer | None:
        if self.like_phrase is None:
            return None
        return SameAnswer(self.like_status, self.like_error, self.like_phrase)

    def expected_end_us(self, now_us: int) -> int | None:
        """Estimate when the job ends. Return None if it isn't running or no delivery has finished yet."""
        if self.status != RUNNING or not self.done or self.matched <= self.done:
            return None
        passed_us = max(1, now_us - self.created_at)
        return now_us + (self.matched - self.done) * passed_us // self.done

    @property
    def after(self) -> ReplayCursor:
        return ReplayCursor(self.after_at, self.after_id)


async def create(
    tx: Transaction, wanted: Wanted, new: NewReplay, *, matched: int, now_us: int
) -> Replay:
    """Create a running job. If nothing matches, the job is done immediately."""
    await check_endpoint(tx, wanted)
    await check_others(tx, wanted)
    await _check_unfinished(tx, wanted)
    is_done = matched == 0
    after = first_cursor(wanted)
    made = Replay(
        id=ReplayId(new_id("rpl")),
        account_id=wanted.account_id,
        environment=wanted.environment,
        endpoint_id=wanted.endpoint_id,
        status=DONE if is_done else RUNNING,
        delivery_status=wanted.status,
        event_types=wanted.event_types,
        since_at=wanted.since_us,
        until_at=wanted.until_us,
        rate_per_s=rate_of(new),
        matched=matched,
        queued=0,
        after_at=after.created_at,
        after_id=after.id,
        is_queued=is_done,
        next_step_at=None if is_done else now_us,
        done=0 if is_done else None,
        failed=0 if is_done else None,
        created_at=wanted.as_of_us,
        ended_at=now_us if is_done else None,
        like_id=new.like,
        ramp_size=0 if new.ramp else None,
        ramp_at=wanted.as_of_us if new.ramp else None,
        **_stored(wanted.answer),
    )
    await tx.insert("replays", ROWS.columns, [ROWS.write(made)])
    return await get(tx, made.tenant, made.id)


def _stored(answer: SameAnswer | None) -> dict[str, Any]:
    if answer is None:
        return {}
    status, error, phrase = answer
    return {"like_status": status, "like_error": error, "like_phrase": phrase}


async def get(tx: Transaction, tenant: Tenant, replay_id: str) -> Replay:
    return (await _with_counts(tx, [await _find(tx, tenant, replay_id)]))[0]


async def list_replays(
    tx: Transaction, tenant: Tenant, *, before_id: Begin = None, limit: int = PAGE_ITEMS
) -> list[Replay]:
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit)
    return await _with_counts(tx, [ROWS.read(row) for row in rows])


async def pause(tx: Transaction, tenant: Tenant, replay_id: str) -> Replay:
    """Stop queueing. Deliveries that are already queued are still sent. Raise ReplayEnded if the job has ended."""
    job = await _unfinished(tx, tenant, replay_id, allowed=PAUSED)
    await _change(tx, replace(job, status=PAUSED))
    return await get(tx, tenant, replay_id)


async def resume(tx: Transaction, tenant: Tenant, replay_id: str, *, now_us: int) -> Replay:
    job = await _unfinished(tx, tenant, replay_id, allowed=RUNNING)
    if job.status == PAUSED:
        next_step_at = max(job.next_step_at or 0, now_us)
        # Start the ramp again with one delivery. Earlier results no longer count.
        ramp_size = None if job.ramp_size is None else 0
        running = replace(job, status=RUNNING, next_step_at=next_step_at, ramp_size=ramp_size)
        await _change(tx, replace(running, paused_reason=None))
    return await get(tx, tenant, replay_id)


async def cancel(tx: Transaction, tenant: Tenant, replay_id: str, *, now_us: int) -> Replay:
    """Cancel waiting deliveries. Those in flight aren't retried. Raise ReplayEnded if the job is done."""
    job = await _unfinished(tx, tenant, replay_id, allowed=CANCELLED)
    if job.status != CANCELLED:
        await delivery.cancel_of_job(tx, replay_id, job.endpoint_id, now_us=now_us)
        # A step sets the final counts once no delivery is in flight.
        ended = replace(job, status=CANCELLED, next_step_at=now_us, ended_at=now_us)
        await _change(tx, replace(ended, paused_reason=None))
    return await get(tx, tenant, replay_id)


ROWS = RowMapping(Replay, stored={"event_types": WORDS})
_PAGES = Keyset(ROWS.listed, "replays", _MINE)
_GET = f"SELECT {ROWS.listed} FROM replays WHERE id = :id AND {_MINE}"
_LOCK = f"{_GET} FOR NO KEY UPDATE"


async def counts_of(tx: Transaction, ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, dict[str, int]] = {id_: {} for id_ in ids}
    for row in await tx.fetch(_OF_JOBS, ids=list(ids)):
        found[row["replay_id"]][row["status"]] = row["n"]
    return found


def settled(queued: int, counts: Mapping[str, int]) -> tuple[int, int]:
    others = sum(counts.get(status, 0) for status in (PENDING, SENDING, CANCELLED))
    return queued - others, counts.get(FAILED, 0)


async def _with_counts(tx: Transaction, replays: Sequence[Replay]) -> list[Replay]:
    live = [one.id for one in replays if one.done is None]
    counts = await counts_of(tx, live) if live else {}
    counted = []
    for one in replays:
        if one.done is None:
            done, failed = settled(one.queued, counts[one.id])
            counted.append(replace(one, done=done, failed=failed))
        else:
            counted.append(one)
    return counted


async def _find(tx: Transaction, tenant: Tenant, replay_id: str, text: str = _GET) -> Replay:
    row = await tx.fetch_one(
        text, id=replay_id, account_id=tenant.account_id, environment=tenant.environment
    )
    if row is None:
        raise NotFound("Replay", param="id")
    return ROWS.read(row)


async def _unfinished(tx: Transaction, tenant: Tenant, replay_id: str, *, allowed: str) -> Replay:
    job = await _find(tx, tenant, replay_id, _LOCK)
    if job.status not in {RUNNING, PAUSED, allowed}:
        raise ReplayEnded(f"The replay is already {job.status}.", reason=job.status)
    return job


async def _change(tx: Transaction, changed: Replay) -> None:
    await tx.execute(
        _CHANGE,
        id=changed.id,
        status=changed.status,
        next_step_at=changed.next_step_at,
        ended_at=changed.ended_at,
        ramp_size=changed.ramp_size,
        ramp_at=changed.ramp_at,
        paused_reason=changed.paused_reason,
    )


async def _check_unfinished(tx: Transaction, wanted: Wanted) -> None:
    row = await tx.fetch_one(
        _UNFINISHED, account_id=wanted.account_id, environment=wanted.environment
    )
    if row is not None and row["n"] >= UNFINISHED_MAX:
        raise TooManyReplays(
            f"An account can have at most {UNFINISHED_MAX} unfinished replays in each environment.",
            reason="replays",
            extra={"limit": UNFINISHED_MAX, "remaining": 0},
        )
