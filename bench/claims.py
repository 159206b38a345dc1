"""What a claim costs beside many endpoints that have something open: the index by time at work.

    python -m bench.claims [--full] [--endpoints 10000] [--kind sqlite] [--write]

Beside so many endpoints, each with one retry due in an hour, or each dead with its delivery overdue
and no slot left for it, or each well with its delivery overdue and a pace of one a second that allows
nothing now, one endpoint is well: an event is published for it, claimed and settled, a round at a time.
Printed, in milliseconds, is the claim, with all the looks that it takes until it has found that one, and
the look that readiness and alarms go by. The ratio is that of the medians at the most and at the fewest
endpoints.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bench import report
from bench.scene import KINDS, scene
from bench.tenants import opened
from billing.credits.opening import open_account
from kernel.clock import HOUR_US, SECOND_US, SystemClock
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.vault import Vault
from store.database import Database, Transaction
from tests.support.postgres_server import on_server
from webhooks.deliveries import backlog, delivery, endpoint_queue
from webhooks.deliveries.claim import FIRST_HEAD, claim as take_due
from webhooks.deliveries.message import settlement_of
from webhooks.deliveries.stage import Claim, Head, Later
from webhooks.endpoints.endpoint import register
from webhooks.endpoints.fields import NewEndpoint
from webhooks.events.event import Outbox
from webhooks.http.transport import SendResult
from worker.dispatch import Slots

FEW: Final = 10
MANY: Final = 10_000
WAITING: Final = "due in an hour"
DEAD: Final = "dead"
PACED: Final = "paced"
STATES: Final = (WAITING, DEAD, PACED)
LEASE_US: Final = 35 * SECOND_US
ENDPOINTS_PER_ACCOUNT: Final = 50
WARM_UP: Final = 20
CLOCK: Final = SystemClock()
URL: Final = "https://hooks.example.com/in"
_ENDPOINT: Final = (
    *("id", "account_id", "environment", "url", "description", "events", "secret_sealed"),
    *("retry_schedule_s", "status", "failing_since_at", "created_at"),
    *("rate_limit_per_s", "rate_tat_us"),
)
_PLACE: Final = ("endpoint_id", "account_id", "environment", "ready_at", "is_failing")


@dataclass(frozen=True, slots=True)
class Medians:
    """Of one state and one number of endpoints, in seconds."""

    claim_s: float
    look_s: float


async def measure(database_url: str, *, count: int, state: str, rounds: int) -> Medians:
    async with opened(database_url) as database:
        tenant = await _given_live(database)
        for first in range(0, count, ENDPOINTS_PER_ACCOUNT):
            await _given_others(database, min(ENDPOINTS_PER_ACCOUNT, count - first), state)
        if database_url.startswith("postgresql"):
            on_server(database_url, "VACUUM ANALYZE")
        claims_s, looks_s = [], []
        for number in range(WARM_UP + rounds):
            claim_s, look_s = await _round(database, tenant)
            if number >= WARM_UP:
                claims_s.append(claim_s)
                looks_s.append(look_s)
    return Medians(statistics.median(claims_s), statistics.median(looks_s))


async def _round(database: Database, tenant: Tenant) -> tuple[float, float]:
    async def publish(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        outbox = await Outbox.load(tx, [tenant])
        outbox.publish(
            tenant,
            type="topup.delivered",
            data={},
            now_us=CLOCK.now_us(),
        )
        await outbox.flush(tx)

    async def take(tx: Transaction, after: Head) -> Claim:
        return await take_due(
            tx,
            # No room for another that fails, as where all of them hang.
            lambda candidates: [id_ for one in candidates if not one.is_failing for id_ in one.due],
            now_us=CLOCK.now_us(),
            lease_us=LEASE_US,
            ids_max=8,
            failing_max=max(0, Slots(1).failing_room - 1) + 1,
            after=after,
        )

    async def look_through() -> Claim:
        """As the dispatcher does: look after look, each of which puts off whom others wait behind."""
        after: Head | None = FIRST_HEAD
        while after is not None:
            claim = await database.autocommit(partial(take, after=after))
            if claim.claimed:
                return claim
            await database.autocommit(partial(_put_off, laters=claim.line.laters))
            after = claim.line.after
        raise AssertionError("the one that is well is not in the line")

    async def settle(tx: Transaction) -> None:
        now_us = CLOCK.now_us()
        answered = SendResult(200, None, None, {}, b"", False, None, {}, now_us, now_us)
        await delivery.settle(
            tx, [settlement_of(one, answered, [], ended_at_us=now_us) for one in claim.claimed]
        )

    async def look(tx: Transaction) -> None:
        await backlog.measure(tx, now_us=CLOCK.now_us(), attempt_us_max=10 * SECOND_US)

    await database.transaction(publish, durable=False)
    began_s = time.perf_counter()
    claim = await look_through()
    claim_s = time.perf_counter() - began_s
    assert len(claim.claimed) == 1, "the one that is well"
    await database.autocommit(partial(_put_off, laters=claim.line.laters))
    await database.transaction(settle, durable=False)
    began_s = time.perf_counter()
    await database.read(look)
    return claim_s, time.perf_counter() - began_s


async def _put_off(tx: Transaction, *, laters: Sequence[Later]) -> int:
    return await endpoint_queue.put_off(tx, laters)


async def _given_live(database: Database) -> Tenant:
    async def work(tx: Transaction) -> Tenant:
        now_us = CLOCK.now_us()
        tenant: Tenant = Tenant(
            await open_account(tx, name="Well", email=None, now_us=now_us), "live"
        )
        await lock_tenants(tx, [tenant])
        await register(
            tx,
            Vault([b"k" * 32]),
            tenant=tenant,
            new=NewEndpoint(url=URL),
            is_sandbox=False,
            now_us=now_us,
        )
        return tenant

    return await database.transaction(work)


async def _given_others(database: Database, count: int, state: str) -> None:
    """An account of endpoints that have one delivery each; set-based, past their writers."""
    now_us = CLOCK.now_us()
    is_dead = state == DEAD
    due_us = now_us + HOUR_US if state == WAITING else now_us - HOUR_US
    failing_since_at = now_us - HOUR_US if is_dead else None
    # A turn is at most a second ahead; for as long as is measured here, none comes.
    pace = (1, now_us + HOUR_US) if state == PACED else (None, 0)

    async def work(tx: Transaction) -> None:
        tenant = Tenant(await open_account(tx, name="Other", email=None, now_us=now_us), "live")
        ids = [new_id("we") for _ in range(count)]
        await tx.insert(
            "endpoints",
            _ENDPOINT,
            [
                (
                    *(id_, *tenant, URL, "", "", b"0" * 80, "0 5 30", "enabled"),
                    *(failing_since_at, now_us, *pace),
                )
                for id_ in ids
            ],
        )
        await tx.insert(
            "endpoint_queue", _PLACE, [(id_, *tenant, due_us, int(is_dead)) for id_ in ids]
        )
        await delivery.insert(
            tx,
            [
                delivery.NewDelivery(
                    event_id=new_id("evt"),
                    endpoint_id=id_,
                    account_id=tenant[0],
                    environment=tenant[1],
                    event_type="topup.delivered",
                    transaction_id=None,
                    next_attempt_at=due_us,
                    created_at=now_us - HOUR_US,
                )
                for id_ in ids
            ],
        )

    await database.transaction(work, durable=False)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoints", type=int, default=MANY)
    parser.add_argument("--kind", action="append", choices=KINDS)


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    many, rounds = chosen.others.endpoints, chosen.count(200, 500)
    table = report.Table(
        "A claim while other endpoints have open deliveries: median times in ms",
        ("database", "other endpoints are", "operation", f"{FEW:,}", f"{many:,}", "ratio"),
    )
    for kind in chosen.others.kind or KINDS:
        for state in STATES:
            found: list[Medians] = []
            for count in (FEW, many):
                with scene(kind) as stage:
                    url = stage.installation.database_url
                    measured = measure(url, count=count, state=state, rounds=rounds)
                    found.append(asyncio.run(measured))
            few, most = found
            for name, few_s, most_s in (
                ("claim", few.claim_s, most.claim_s),
                ("look", few.look_s, most.look_s),
            ):
                table.add(kind, state, name, few_s * 1000, most_s * 1000, most_s / few_s)
    report.show(
        chosen, "claims", [table], notes=f"Each median covers {rounds} rounds.", is_once=True
    )


if __name__ == "__main__":
    main()
