"""An endpoint whose pace allows nothing now leaves the line until its next turn, and hides nothing."""

import pytest

from kernel.clock import SECOND_US, FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.dispatcher import rows
from tests.support.webhook_rows import (
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from webhooks.deliveries import backlog, endpoint_queue
from webhooks.deliveries.claim import HEADS_MAX
from webhooks.deliveries.stage import Claim
from webhooks.endpoints.endpoint import patch
from webhooks.endpoints.fields import EndpointChanges
from worker.chores import repair_line


async def given_paced(
    database: Database, clock: FixedClock, *, rate_limit_per_s: int | None = 1
) -> tuple[Tenant, str]:
    """One a second: the first was claimed just now, and another one waits."""
    tenant = Tenant(await given_account(database, clock), "live")
    endpoint, _ = await given_endpoint(database, clock, tenant, rate_limit_per_s=rate_limit_per_s)
    await given_events(database, clock, tenant, count=2)
    assert len((await claim_all(database, clock)).claimed) == 1
    return tenant, endpoint.id


async def put_off(database: Database, claim: Claim) -> None:
    await database.autocommit(lambda tx: endpoint_queue.put_off(tx, claim.line.laters))


async def change(
    database: Database, clock: FixedClock, tenant: Tenant, id_: str, changes: EndpointChanges
) -> None:
    await database.transaction(
        lambda tx: patch(tx, new_vault(), tenant, id_, changes=changes, now_us=clock.now_us())
    )


async def ready_at(database: Database) -> int | None:
    [row] = await rows(database, "SELECT ready_at FROM endpoint_queue")
    found: int | None = row["ready_at"]
    return found


async def test_a_paced_endpoint_stands_in_the_line_again_at_its_turn_and_not_before(
    database: Database, clock: FixedClock
) -> None:
    await given_paced(database, clock)
    turn_us = clock.now_us() + SECOND_US

    await put_off(database, await claim_all(database, clock))

    assert await ready_at(database) == turn_us
    clock.advance_s(0.999999)
    early = await claim_all(database, clock)
    assert (early.claimed, early.line.laters, early.next_at_us) == ([], [], turn_us)
    clock.advance_s(0.000001)
    assert len((await claim_all(database, clock)).claimed) == 1


async def test_a_live_endpoint_is_in_the_first_look_beside_more_paced_ones_than_a_look_takes_in(
    database: Database, clock: FixedClock
) -> None:
    for _ in range(HEADS_MAX // 50 + 1):
        tenant = Tenant(await given_account(database, clock), "live")
        for _ in range(50):
            await given_endpoint(database, clock, tenant, rate_limit_per_s=1)
        await given_events(database, clock, tenant)

    async def use_up(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE endpoints SET rate_tat_us = :tat_us", tat_us=clock.now_us() + SECOND_US
        )

    await database.transaction(use_up)
    clock.advance_s(0.5)
    live = Tenant(await given_account(database, clock), "live")
    await given_endpoint(database, clock, live)
    await given_events(database, clock, live)

    first = await claim_all(database, clock)
    await put_off(database, first)
    second = await claim_all(database, clock)

    assert (first.claimed, len(first.line.laters)) == ([], HEADS_MAX)
    assert [one.account_id for one in second.claimed] == [live[0]]
    await put_off(database, await claim_all(database, clock))
    clock.advance_s(0.5)
    assert len((await claim_all(database, clock)).claimed) == HEADS_MAX


async def test_publishing_for_a_paced_endpoint_leaves_it_at_its_turn(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_paced(database, clock)
    turn_us = clock.now_us() + SECOND_US
    await put_off(database, await claim_all(database, clock))

    await given_events(database, clock, tenant)

    assert await ready_at(database) == turn_us


async def test_publishing_does_not_take_a_sandbox_for_slower_than_it_is(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock, is_sandbox=True), "staging")
    # One in four seconds, ten at once: as a sandbox, and by its own pace.
    await given_endpoint(database, clock, tenant, is_sandbox=True, rate_limit_per_s=100)
    counts = []
    for _ in range(11):
        await given_events(database, clock, tenant)
        counts.append(len((await claim_all(database, clock)).claimed))
        await put_off(database, await claim_all(database, clock))

    assert counts == [1] * 10 + [0]
    assert await ready_at(database) == clock.now_us() + 4 * SECOND_US


async def test_what_was_held_is_put_off_to_the_turn_of_its_drain_and_what_comes_goes_at_once(
    database: Database, clock: FixedClock
) -> None:
    tenant = Tenant(await given_account(database, clock), "live")
    endpoint, _ = await given_endpoint(database, clock, tenant)
    await change(database, clock, tenant, endpoint.id, EndpointChanges(status="disabled"))
    await given_events(database, clock, tenant, count=9)
    clock.advance_s(1)
    await change(database, clock, tenant, endpoint.id, EndpointChanges(status="enabled"))
    # Fifty a second, five at once.
    first = await claim_all(database, clock)
    await put_off(database, await claim_all(database, clock))
    turn_us = await ready_at(database)
    clock.advance_s(0.001)
    fresh = await given_events(database, clock, tenant)

    claim = await claim_all(database, clock)

    assert len(first.claimed) == 5
    assert turn_us == clock.now_us() - 1_000 + 20_000
    assert [one.event_id for one in claim.claimed] == fresh


@pytest.mark.parametrize("is_between", [False, True])
async def test_a_new_pace_brings_a_paced_endpoint_forward(
    database: Database, clock: FixedClock, *, is_between: bool
) -> None:
    tenant, id_ = await given_paced(database, clock)
    seen = await claim_all(database, clock)
    if not is_between:
        await put_off(database, seen)

    await change(database, clock, tenant, id_, EndpointChanges(rate_limit_per_s=None))
    if is_between:
        await put_off(database, seen)

    assert len(seen.line.laters) == 1
    assert len((await claim_all(database, clock)).claimed) == 1


async def test_a_sandbox_that_waits_for_its_turn_is_not_taken_for_hidden(
    database: Database, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = Tenant(await given_account(database, clock, is_sandbox=True), "staging")
    await given_endpoint(database, clock, tenant, is_sandbox=True)
    await given_events(database, clock, tenant, count=16)
    assert len((await claim_all(database, clock)).claimed) == 15
    await put_off(database, await claim_all(database, clock))

    await repair_line(database, clock)

    assert await ready_at(database) == clock.now_us() + 4 * SECOND_US
    assert "endpoint_queue.mended" not in caplog.text


@pytest.mark.parametrize("place", [None, 5 * SECOND_US])
async def test_what_is_hidden_beyond_its_turn_is_shown(
    database: Database, clock: FixedClock, place: int | None
) -> None:
    await given_paced(database, clock)
    at_us = None if place is None else clock.now_us() + place

    async def hide(tx: Transaction) -> None:
        await tx.execute("UPDATE endpoint_queue SET ready_at = :at_us", at_us=at_us)

    await database.transaction(hide)
    await repair_line(database, clock)
    clock.advance_s(1)

    assert len((await claim_all(database, clock)).claimed) == 1


async def test_what_waits_for_its_turn_counts_as_waiting(
    database: Database, clock: FixedClock
) -> None:
    await given_paced(database, clock)
    await put_off(database, await claim_all(database, clock))
    clock.advance_s(0.5)

    found = await database.read(
        lambda tx: backlog.measure(tx, now_us=clock.now_us(), attempt_us_max=10 * SECOND_US)
    )

    assert found.oldest_due_us == SECOND_US // 2
