"""A history of deliveries that replays are tried on, and a worker whose time is told."""

from collections.abc import Sequence
from typing import NamedTuple

from kernel.clock import Clock, FixedClock
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Database, Row, Transaction, Work
from tests.support.webhook_rows import given_account, given_endpoint
from webhooks.replays import replay, step as replay_step
from webhooks.replays.replay import NewReplay, Replay
from webhooks.replays.step import Due, Step

# Noon of the tests' day, in microseconds; the history lies before it.
NOON = 1_781_352_000_000_000
SECOND = 1_000_000
_EVENT_COLUMNS = ("id", "account_id", "environment", "event_no", "type", "body", "created_at")
_ATTEMPT_COLUMNS = (
    *("delivery_id", "number", "id", "account_id", "environment", "started_at", "duration_us"),
    *("http_status", "error", "timings_ms", "request_headers", "response_body"),
)
_DELIVERY_COLUMNS = (
    "id",
    "event_id",
    "endpoint_id",
    "account_id",
    "environment",
    "event_type",
    "status",
    "attempts_made",
    "next_attempt_at",
    "claim_no",
    "replay_of",
    "created_at",
    "settled_at",
)


class Past(NamedTuple):
    """One delivery of the history; times in seconds before noon."""

    status: str = "failed"
    created_s: float = 100.0
    settled_s: float = 50.0
    type: str = "topup.delivered"
    event_id: str | None = None  # of an earlier one: then this is its replay
    replay_of: str | None = None
    answer: tuple[int | None, str | None, bytes] | None = None  # of its only attempt


async def given_scene(database: Database, clock: Clock) -> tuple[Tenant, str]:
    """A new account with an endpoint."""
    tenant = Tenant(await given_account(database, clock), "staging")
    endpoint, _ = await given_endpoint(database, clock, tenant)
    return tenant, endpoint.id


async def given_past(
    database: Database, tenant: Tenant, endpoint_id: str, past: Sequence[Past]
) -> list[str]:
    """Writes the history; the deliveries' ids, in its order."""
    ids = [new_id("dlv") for _ in past]
    events = [one.event_id or new_id("evt") for one in past]
    is_open = {"pending", "sending"}
    first = new_number()

    async def work(tx: Transaction) -> None:
        made = [
            (event, *tenant, first + number, one.type, b"{}", at(one.created_s))
            for number, (event, one) in enumerate(zip(events, past, strict=True))
            if one.event_id is None
        ]
        await tx.insert("events", _EVENT_COLUMNS, made)
        rows = [
            (
                id_,
                event,
                endpoint_id,
                *tenant,
                one.type,
                one.status,
                1,
                at(one.settled_s) + 10**12 if one.status in is_open else None,
                1,
                one.replay_of,
                at(one.created_s),
                None if one.status in is_open else at(one.settled_s),
            )
            for id_, event, one in zip(ids, events, past, strict=True)
        ]
        await tx.insert("deliveries", _DELIVERY_COLUMNS, rows)
        said = [
            (
                id_,
                1,
                new_id("att"),
                *tenant,
                at(one.created_s),
                10_000,
                status,
                error,
                "{}",
                "{}",
                body,
            )
            for id_, one in zip(ids, past, strict=True)
            if one.answer is not None
            for status, error, body in (one.answer,)
        ]
        await tx.insert("attempts", _ATTEMPT_COLUMNS, said)

    await database.transaction(work)
    return ids


def at(seconds_before_noon: float) -> int:
    return NOON - round(seconds_before_noon * SECOND)


# Far above the numbers that a test's own events get.
_numbers = iter(range(100_001, 10**9, 100_000))


def new_number() -> int:
    """Event numbers that no other call of this module uses."""
    return next(_numbers)


async def event_of(database: Database, delivery_id: str) -> str:
    [row] = await rows(database, "SELECT event_id FROM deliveries WHERE id = :id", id=delivery_id)
    return str(row["event_id"])


async def rows(database: Database, text: str, **values: object) -> list[Row]:
    async def work(tx: Transaction) -> list[Row]:
        return list(await tx.fetch(text, **values))

    return await database.read(work)


async def execute(database: Database, text: str, **values: object) -> int:
    async def work(tx: Transaction) -> int:
        return await tx.execute(text, **values)

    return await database.transaction(work)


async def start(
    database: Database,
    clock: Clock,
    tenant: Tenant,
    endpoint_id: str,
    new: NewReplay = NewReplay(),  # noqa: B008 frozen
) -> Replay:
    """As POST /webhooks/{id}/replay does it: counts, then makes the job."""
    now_us = clock.now_us()
    wanted = await replay.load_wanted(database, tenant, endpoint_id, new, now_us=now_us)
    matched = await replay.count_wanted(database, wanted)

    async def work(tx: Transaction) -> Replay:
        await lock_tenants(tx, [tenant])
        return await replay.create(tx, wanted, new, matched=matched, now_us=now_us)

    return await database.transaction(work)


async def found(database: Database, job: Replay) -> Replay:
    async def work(tx: Transaction) -> Replay:
        return await replay.get(tx, job.tenant, job.id)

    return await database.read(work)


async def changed(database: Database, job: Replay, work: Work[Replay]) -> Replay:
    """A change by the account, under its lock."""

    async def locked(tx: Transaction) -> Replay:
        await lock_tenants(tx, [job.tenant])
        return await work(tx)

    return await database.transaction(locked)


async def jobs(database: Database) -> list[Due]:
    async def work(tx: Transaction) -> list[Due]:
        return await replay_step.due(tx, limit=64)

    return await database.read(work)


async def take(database: Database, job: Due, now_us: int) -> Step | None:
    async def work(tx: Transaction) -> Step | None:
        return await replay_step.step(tx, job, now_us=now_us)

    return await database.transaction(work, durable=False)


async def next_step(database: Database, clock: FixedClock) -> Step | None:
    """Lets the time pass until a step is due, and takes it; null: no job has one."""
    waiting = await jobs(database)
    if not waiting:
        return None
    wait_us = waiting[0].next_step_at - clock.now_us()
    clock.advance_s(max(0, wait_us) / SECOND)
    step = await take(database, waiting[0], clock.now_us())
    assert step is not None, "it was due"
    return step


async def answer_all(database: Database, clock: Clock, status: str = "delivered") -> int:
    """What a receiver and its dispatcher do: everything open of any job ends."""
    return await execute(
        database,
        """UPDATE deliveries SET status = :status, settled_at = :now_us, next_attempt_at = NULL
           WHERE replay_id IS NOT NULL AND status IN ('pending', 'sending')""",
        status=status,
        now_us=clock.now_us(),
    )


async def run_to_the_end(
    database: Database, clock: FixedClock, *, status: str = "delivered", steps_max: int = 1_000
) -> int:
    """Steps and answers until no job has a step left; the number of steps."""
    for taken in range(steps_max):
        if await next_step(database, clock) is None:
            return taken
        await answer_all(database, clock, status)
    raise AssertionError("it does not end")


async def sent_again(database: Database, job: Replay) -> list[str]:
    """The deliveries that the job sent again, in the order it did."""
    found = await rows(
        database,
        "SELECT replay_of FROM deliveries WHERE replay_id = :id ORDER BY created_at, id",
        id=job.id,
    )
    return [row["replay_of"] for row in found]
