"""What ends by time alone is ended by the worker: by our clock, and by a tenant's own."""

import asyncio

from billing.sandbox_clock import advance, now_of
from kernel.clock import FixedClock
from store.db import Database, Transaction
from tests.billing.desk import Desk, open_desk
from tests.billing.using import balances, find, grant, hold, sweep
from worker.expire import Expirer

HOUR_US = 3_600_000_000
LOOKS_MAX = 400


async def go_on(desk: Desk, seconds: int) -> None:
    scope = desk.principal.scope
    await desk.database.transaction(lambda tx: advance(tx, scope, advance_s=seconds))


async def test_by_its_own_clock_a_tenants_things_end_and_no_other_tenants(
    database: Database, clock: FixedClock
) -> None:
    ahead = await open_desk(database, clock)
    other = await open_desk(database, clock, email="other@example.com")
    for desk in (ahead, other):
        await grant(desk, 500, expires_at=clock.now_us() + HOUR_US)
        await desk.send(1000, to="approval@sandbox.test")
    held = [await hold(desk, 200, ttl_s=3600) for desk in (ahead, other)]
    await go_on(ahead, 86_400)

    while await sweep(ahead):
        pass

    ended, still = await find(ahead, held[0].hold.id), await find(other, held[1].hold.id)
    assert (ended.status, still.status) == ("expired", "held")
    assert await ahead.events() == [
        "topup.pending",
        "approval.requested",
        "approval.expired",
        "topup.cancelled",
    ]
    assert await other.events() == ["topup.pending", "approval.requested"]
    mine, theirs = await balances(ahead), await balances(other)
    assert (mine["expired"], mine["grant"], mine["held"]) == (500, 0, 0)
    # 10,000,000 micros wait for approval, 200 of the grant for their capture.
    assert (theirs.get("expired", 0), theirs["held"]) == (0, 10_000_200)
    assert await ahead.findings() == await other.findings() == []


async def test_a_hold_is_ended_once_by_two_workers_and_not_early(
    database: Database, clock: FixedClock
) -> None:
    desk = await open_desk(database, clock)
    held = await hold(desk, 200, ttl_s=60)
    clock.advance_s(59)

    assert await sweep(desk) == 0
    clock.advance_s(1)
    await asyncio.gather(sweep(desk), sweep(desk))

    assert (await find(desk, held.hold.id)).status == "expired"
    assert (await balances(desk))["wallet"] == 10_000_000_000
    assert await desk.findings() == []


async def test_the_loop_ends_a_hold_when_it_is_woken(database: Database, clock: FixedClock) -> None:
    desk = await open_desk(database, clock)
    held = await hold(desk, 200, ttl_s=3600)
    expirer = Expirer(database, clock, desk.till)
    running = asyncio.create_task(expirer.run())
    clock.advance_s(3600)

    expirer.wake()

    for _ in range(LOOKS_MAX):
        if (await find(desk, held.hold.id)).status == "expired":
            break
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await balances(desk))["wallet"] == 10_000_000_000


async def test_live_time_is_ours(database: Database, clock: FixedClock) -> None:
    desk = await open_desk(database, clock)
    live = await desk.in_live()
    await go_on(desk, 60)

    async def work(tx: Transaction) -> list[int]:
        scopes = (desk.principal.scope, live.scope)
        return [await now_of(tx, scope, now_us=clock.now_us()) for scope in scopes]

    staging, ours = await database.read(work)
    assert (staging - clock.now_us(), ours - clock.now_us()) == (60_000_000, 0)
