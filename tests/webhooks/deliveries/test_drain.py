"""What a disabled endpoint held comes back slowly, and does not stand before what happens now."""

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.webhook_rows import (
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from webhooks.deliveries import endpoint_queue
from webhooks.deliveries.stage import Claim
from webhooks.endpoints.endpoint import patch
from webhooks.endpoints.fields import EndpointChanges


async def set_status(
    database: Database, clock: FixedClock, tenant: Tenant, id_: str, status: str
) -> None:
    async def work(tx: Transaction) -> None:
        await patch(
            tx,
            new_vault(),
            tenant,
            id_,
            changes=EndpointChanges(status=status),
            now_us=clock.now_us(),
        )

    await database.transaction(work)


async def given_held(
    database: Database, clock: FixedClock, count: int, *, rate_limit_per_s: int | None = None
) -> tuple[Tenant, str]:
    """An endpoint enabled just now, which had held `count` deliveries for an hour."""
    tenant = Tenant(await given_account(database, clock), "staging")
    endpoint, _ = await given_endpoint(database, clock, tenant, rate_limit_per_s=rate_limit_per_s)
    await set_status(database, clock, tenant, endpoint.id, "disabled")
    await given_events(database, clock, tenant, count=count)
    clock.advance_s(3600)
    await set_status(database, clock, tenant, endpoint.id, "enabled")
    return tenant, endpoint.id


async def put_off(database: Database, claim: Claim) -> None:
    await database.autocommit(lambda tx: endpoint_queue.put_off(tx, claim.line.laters))


async def claimed_in_s(database: Database, clock: FixedClock, seconds: int) -> list[int]:
    """How many each of the next seconds brings, looking whenever a claim says to."""
    counts = []
    for _ in range(seconds):
        ends_us = clock.now_us() + 1_000_000
        count = 0
        while clock.now_us() < ends_us:
            claim = await claim_all(database, clock)
            await put_off(database, claim)
            count += len(claim.claimed)
            next_us = ends_us if claim.next_at_us is None else min(ends_us, claim.next_at_us)
            assert next_us > clock.now_us()
            clock.advance_s((next_us - clock.now_us()) / 1_000_000)
        counts.append(count)
    return counts


async def test_what_was_held_comes_at_fifty_a_second(database: Database, clock: FixedClock) -> None:
    await given_held(database, clock, 130)

    # Five go together at the very beginning, and fill the pace from then on.
    assert await claimed_in_s(database, clock, 4) == [54, 50, 26, 0]


async def test_what_happens_now_goes_first(database: Database, clock: FixedClock) -> None:
    tenant, _ = await given_held(database, clock, 100)
    clock.advance_s(0.001)
    fresh = await given_events(database, clock, tenant, count=30)

    claimed = (await claim_all(database, clock)).claimed

    assert len(claimed) == 35
    assert set(fresh) <= {one.event_id for one in claimed}


async def test_the_endpoints_own_pace_holds_for_both(database: Database, clock: FixedClock) -> None:
    tenant, _ = await given_held(database, clock, 100, rate_limit_per_s=10)
    clock.advance_s(0.001)
    await given_events(database, clock, tenant, count=5)

    assert await claimed_in_s(database, clock, 2) == [10, 10]


async def test_disabling_and_enabling_again_is_no_faster(
    database: Database, clock: FixedClock
) -> None:
    tenant, id_ = await given_held(database, clock, 100)
    first = len((await claim_all(database, clock)).claimed)
    await set_status(database, clock, tenant, id_, "disabled")
    await set_status(database, clock, tenant, id_, "enabled")

    assert (first, (await claim_all(database, clock)).claimed) == (5, [])
