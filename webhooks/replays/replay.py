"""Replays: jobs that send an endpoint's deliveries of a period again, in small steps.

Promise: every delivery that matched when the job was made is sent again exactly once, as a new
delivery of the same event with the usual retries; another job that overlaps is refused meanwhile. A pause queues nothing more; a cancel also takes
back what nobody is sending yet. The steps themselves are taken by webhooks/replays/step.py.

    running <--> paused      running | paused --> cancelled
    running --all is queued and settled--> done

Invariant: every change is made under the account's lock. Writes replays, but for the steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import ReplayId, new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.keyset import Keyset
from store.row_mapping import WORDS, RowMapping
from webhooks.deliveries import delivery
from webhooks.deliveries.stage import CANCELLED, FAILED, PENDING, SENDING
from webhooks.endpoints.fields import check_events
from webhooks.replays import match as replay_match, overlap
from webhooks.replays.match import REPLAYED_STATUSES, ReplayCursor, Wanted

RUNNING: Final = "running"
PAUSED: Final = "paused"
DONE: Final = "done"
RATE_PER_S: Final = 50
RATE_PER_S_MAX: Final = 1_000
UNFINISHED_MAX: Final = 10

_MINE = "account_id = :account_id AND environment = :environment"
_ENDPOINT = f"SELECT id FROM endpoints WHERE id = :id AND {_MINE} AND deleted_at IS NULL"
_UNFINISHED = f"""
SELECT COUNT(*) AS n FROM replays WHERE {_MINE} AND status IN ('running', 'paused')
"""
_CHANGE = """
UPDATE replays SET status = :status, next_step_at = :next_step_at, ended_at = :ended_at
WHERE id = :id
"""
# Delivered ones are what is left: they may be many, and nobody need count them.
_OF_JOBS = """
SELECT d.replay_id, d.status, COUNT(*) AS n FROM deliveries d
WHERE d.replay_id IN :ids[text] AND d.replay_id IS NOT NULL
  AND d.status IN ('pending', 'sending', 'failed', 'cancelled')
GROUP BY d.replay_id, d.status
"""


class TooManyReplays(DomainError):
    """The account has as many unfinished replays as it may have."""


class ReplayEnded(DomainError):
    """It is done or cancelled, and cannot be changed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReplay:
    """What a caller asks for. Times null: from the first, until now. No events: all types."""

    since_us: int | None = None
    until_us: int | None = None
    status: str = FAILED
    events: tuple[str, ...] = ()
    rate_per_s: int | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """A job: one row of replays. Times in microseconds.

    done counts what has been delivered or has failed, failed is the part that has: null in the row
    of one that is not over, whose deliveries are counted instead. matched is what was counted at
    first; once all is queued, what was queued. queued less done is still open, or was cancelled.
    next_step_at null: the counts are final.
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

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def wanted(self) -> Wanted:
        """What it matches; it looks at what there was when it was made."""
        return Wanted(
            self.account_id,
            self.environment,
            self.endpoint_id,
            self.delivery_status,
            self.event_types,
            self.since_at,
            self.until_at,
            self.created_at,
        )

    @property
    def after(self) -> ReplayCursor:
        """Where its next step goes on."""
        return ReplayCursor(self.after_at, self.after_id)


def rate_of(new: NewReplay) -> int:
    """How many a second at most; raises InvalidInput."""
    if new.rate_per_s is None:
        return RATE_PER_S
    if not 1 <= new.rate_per_s <= RATE_PER_S_MAX:
        raise InvalidInput(f"rate_per_s is 1 to {RATE_PER_S_MAX}", param="rate_per_s")
    return new.rate_per_s


def wanted_of(tenant: Tenant, endpoint_id: str, new: NewReplay, *, now_us: int) -> Wanted:
    """What the replay matches if it is made now; raises InvalidInput."""
    if new.status not in REPLAYED_STATUSES:
        raise InvalidInput(f"status is {' or '.join(REPLAYED_STATUSES)}", param="status")
    rate_of(new)
    since_us = max(0, new.since_us or 0)
    until_us = now_us if new.until_us is None else min(new.until_us, now_us)
    if since_us >= until_us:
        raise InvalidInput("since is a time before until, and before now", param="since")
    types = tuple(check_events(new.events).split())
    return Wanted(*tenant, endpoint_id, new.status, types, since_us, until_us, now_us)


async def count(database: Database, wanted: Wanted) -> int:
    """How many deliveries a replay of `wanted` sends again; raises NotFound for its endpoint."""

    async def look(tx: Transaction) -> None:
        await _check_endpoint(tx, wanted)

    await database.read(look)
    return await replay_match.count(database, wanted)


async def create(
    tx: Transaction, wanted: Wanted, *, matched: int, rate_per_s: int, now_us: int
) -> Replay:
    """The job, running; done at once where nothing matched. `matched` is what count() said.

    The caller holds the account's lock. Raises NotFound for the endpoint, ReplayOverlaps and
    TooManyReplays.
    """
    await _check_endpoint(tx, wanted)
    await overlap.check_others(tx, wanted)
    await _check_unfinished(tx, wanted)
    is_done = matched == 0
    after = replay_match.first_cursor(wanted)
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
        rate_per_s=rate_per_s,
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
    )
    await tx.insert("replays", ROWS.columns, [ROWS.write(made)])
    return await get(tx, made.tenant, made.id)


async def get(tx: Transaction, tenant: Tenant, replay_id: str) -> Replay:
    """The replay with its counts as they are now; raises NotFound."""
    return (await _with_counts(tx, [await _find(tx, tenant, replay_id)]))[0]


async def list_replays(
    tx: Transaction, tenant: Tenant, *, before_id: str | None = None, limit: int = PAGE_ITEMS
) -> list[Replay]:
    """Newest first, older than before_id; at most `limit`."""
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit)
    return await _with_counts(tx, [ROWS.read(row) for row in rows])


async def pause(tx: Transaction, tenant: Tenant, replay_id: str) -> Replay:
    """Queues nothing more until it is resumed; what is queued goes out. A second pause is none.

    The caller holds the account's lock. Raises NotFound and ReplayEnded.
    """
    job = await _unfinished(tx, tenant, replay_id, allowed=PAUSED)
    await _change(tx, job, status=PAUSED, next_step_at=job.next_step_at, ended_at=None)
    return await get(tx, tenant, replay_id)


async def resume(tx: Transaction, tenant: Tenant, replay_id: str, *, now_us: int) -> Replay:
    """Goes on from where it was paused. The caller holds the account's lock.

    Raises NotFound and ReplayEnded; resuming what runs is harmless.
    """
    job = await _unfinished(tx, tenant, replay_id, allowed=RUNNING)
    if job.status == PAUSED:
        next_step_at = max(job.next_step_at or 0, now_us)
        await _change(tx, job, status=RUNNING, next_step_at=next_step_at, ended_at=None)
    return await get(tx, tenant, replay_id)


async def cancel(tx: Transaction, tenant: Tenant, replay_id: str, *, now_us: int) -> Replay:
    """Ends it: what waits is cancelled too, and what is being sent is not tried again.

    The caller holds the account's lock. Raises NotFound, and ReplayEnded for one that is done; a
    second cancel is none.
    """
    job = await _unfinished(tx, tenant, replay_id, allowed=CANCELLED)
    if job.status != CANCELLED:
        await delivery.cancel_of_job(tx, replay_id, now_us=now_us)
        # A step settles the counts, once what is in flight is over.
        await _change(tx, job, status=CANCELLED, next_step_at=now_us, ended_at=now_us)
    return await get(tx, tenant, replay_id)


ROWS = RowMapping(Replay, stored={"event_types": WORDS})
_PAGES = Keyset(ROWS.listed, "replays", _MINE)
_GET = f"SELECT {ROWS.listed} FROM replays WHERE id = :id AND {_MINE}"
_LOCK = f"{_GET} FOR NO KEY UPDATE"


async def counts_of(tx: Transaction, ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """How many of each job's deliveries are open, failed or cancelled, by job and status."""
    found: dict[str, dict[str, int]] = {id_: {} for id_ in ids}
    for row in await tx.fetch(_OF_JOBS, ids=list(ids)):
        found[row["replay_id"]][row["status"]] = row["n"]
    return found


def settled(queued: int, counts: Mapping[str, int]) -> tuple[int, int]:
    """How many of a job's deliveries were delivered or have failed, and how many have failed."""
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
    """The job, its row locked; it is running, paused or in the state that is asked for."""
    job = await _find(tx, tenant, replay_id, _LOCK)
    if job.status not in {RUNNING, PAUSED, allowed}:
        raise ReplayEnded(f"the replay is {job.status}", reason=job.status)
    return job


async def _change(
    tx: Transaction, job: Replay, *, status: str, next_step_at: int | None, ended_at: int | None
) -> None:
    await tx.execute(
        _CHANGE, id=job.id, status=status, next_step_at=next_step_at, ended_at=ended_at
    )


async def _check_endpoint(tx: Transaction, wanted: Wanted) -> None:
    found = await tx.fetch_one(
        _ENDPOINT,
        id=wanted.endpoint_id,
        account_id=wanted.account_id,
        environment=wanted.environment,
    )
    if found is None:
        raise NotFound("Webhook", param="id")


async def _check_unfinished(tx: Transaction, wanted: Wanted) -> None:
    row = await tx.fetch_one(
        _UNFINISHED, account_id=wanted.account_id, environment=wanted.environment
    )
    if row is not None and row["n"] >= UNFINISHED_MAX:
        raise TooManyReplays(
            f"an account has at most {UNFINISHED_MAX} unfinished replays in each environment",
            reason="replays",
            extra={"limit": UNFINISHED_MAX, "remaining": 0},
        )
