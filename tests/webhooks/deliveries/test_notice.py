"""An endpoint's health: the receiver's own word, the stages of failing, each told once."""

from collections.abc import Mapping, Sequence

import pytest

from kernel.clock import FixedClock, parse_rfc3339
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.webhook_rows import (
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from webhooks.deliveries import delivery, notice
from webhooks.deliveries.message import settlement_of
from webhooks.deliveries.notice import Notice
from webhooks.deliveries.stage import Claimed, Settlement
from webhooks.endpoints.disabling import disable_unwell, reasons_to_disable
from webhooks.endpoints.endpoint import Endpoint, delete, patch
from webhooks.endpoints.fields import EndpointChanges
from webhooks.http.transport import SendResult

DAY_S = 86_400
LONG = (0, 3 * DAY_S, 3 * DAY_S)


def answer(
    claimed: Claimed,
    clock: FixedClock,
    status: int | None,
    headers: Mapping[str, str] | None = None,
) -> Settlement:
    error = None if status == 200 else "timeout" if status is None else "http"
    outcome = SendResult(status, error, None, dict(headers or {}), b"", False, None, {}, 0, 1000)  # type: ignore[arg-type]
    return settlement_of(claimed, outcome, [], ended_at_us=clock.now_us())


async def settle(database: Database, settlements: Sequence[Settlement]) -> None:
    async def work(tx: Transaction) -> None:
        await delivery.settle(tx, settlements)

    await database.transaction(work)


async def fail_one(
    database: Database, clock: FixedClock, tenant: Tenant, status: int | None = 500
) -> Settlement:
    """A fresh event, claimed and answered so."""
    await given_events(database, clock, tenant)
    claimed = (await claim_all(database, clock)).claimed[-1]
    one = answer(claimed, clock, status)
    await settle(database, [one])
    return one


async def notices(
    database: Database, tenant: Tenant, *, is_open: bool | None = None
) -> list[Notice]:
    return await database.read(lambda tx: notice.list_notices(tx, tenant, is_open=is_open))


async def disable(
    database: Database, clock: FixedClock, settlements: Sequence[Settlement]
) -> list[Endpoint]:
    reasons = reasons_to_disable(settlements)
    assert reasons

    async def work(tx: Transaction) -> list[Endpoint]:
        return await disable_unwell(tx, new_vault(), reasons, now_us=clock.now_us())

    return await database.transaction(work)


async def given_tenant(database: Database, clock: FixedClock) -> tuple[Tenant, str]:
    tenant = Tenant(await given_account(database, clock), "staging")
    endpoint, _ = await given_endpoint(database, clock, tenant, retry_schedule_s=LONG)
    return tenant, endpoint.id


async def test_the_first_failure_is_told_once(database: Database, clock: FixedClock) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)

    for _ in range(3):
        await fail_one(database, clock, tenant)
        clock.advance_s(60)

    [one] = await notices(database, tenant)
    noon_us = parse_rfc3339("2026-06-13T12:00:00Z")
    assert one == Notice(
        id=one.id,
        endpoint_id=endpoint_id,
        url="https://hooks.example.com/in",
        stage="failing",
        reason=None,
        failing_since_at=noon_us,
        created_at=noon_us,
        ended_at=None,
    )


async def test_a_day_of_failure_is_told_at_its_edge_and_once(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await fail_one(database, clock, tenant)
    clock.advance_s(DAY_S - 0.000001)
    await fail_one(database, clock, tenant)
    early = [one.stage for one in await notices(database, tenant)]
    clock.advance_s(0.000001)

    await fail_one(database, clock, tenant)
    await fail_one(database, clock, tenant)

    assert early == ["failing"]
    stages = [one.stage for one in await notices(database, tenant)]
    assert stages == ["failing_for_a_day", "failing"]


async def test_success_ends_them_and_the_next_failure_is_new(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await fail_one(database, clock, tenant)
    clock.advance_s(60)

    await fail_one(database, clock, tenant, 200)
    ended = await notices(database, tenant)
    clock.advance_s(60)
    await fail_one(database, clock, tenant)

    assert [one.ended_at for one in ended] == [clock.now_us() - 60_000_000]
    assert len(await notices(database, tenant)) == 2
    assert [one.failing_since_at for one in await notices(database, tenant, is_open=True)] == [
        clock.now_us()
    ]
    assert len(await notices(database, tenant, is_open=False)) == 1


async def test_a_failure_claimed_before_a_recovery_begins_a_new_time_of_failing(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await fail_one(database, clock, tenant)
    await given_events(database, clock, tenant, count=2)
    well, unwell = (await claim_all(database, clock)).claimed
    assert unwell.target.failing_since_at is not None
    await settle(database, [answer(well, clock, 200)])
    clock.advance_s(1)

    await settle(database, [answer(unwell, clock, 500)])

    [one] = await notices(database, tenant, is_open=True)
    assert (one.stage, one.failing_since_at) == ("failing", clock.now_us())


async def test_two_workers_that_see_the_first_failure_tell_it_once(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=2)
    one, other = (await claim_all(database, clock)).claimed

    await settle(database, [answer(one, clock, 500)])
    await settle(database, [answer(other, clock, None)])

    assert [one.stage for one in await notices(database, tenant)] == ["failing"]


async def test_four_days_of_failure_warn_once_and_the_fifth_disables_at_its_edge(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    await fail_one(database, clock, tenant)
    clock.advance_s(4 * DAY_S - 0.000001)
    await fail_one(database, clock, tenant)
    unwarned = [(one.stage, one.disable_at) for one in await notices(database, tenant)]
    clock.advance_s(0.000001)
    for _ in range(2):
        await fail_one(database, clock, tenant)
    warning = (await notices(database, tenant))[0]
    clock.advance_s(DAY_S - 0.000001)
    early = await fail_one(database, clock, tenant)
    clock.advance_s(0.000001)

    late = await fail_one(database, clock, tenant)
    disabled = await disable(database, clock, [late])
    again = await disable(database, clock, [late])

    assert unwarned == [("failing_for_a_day", None), ("failing", None)]
    assert (warning.stage, warning.disable_at) == ("failing_for_four_days", clock.now_us())
    assert reasons_to_disable([early]) == {}
    assert [(one.id, one.disabled_reason) for one in disabled] == [(endpoint_id, "failing")]
    assert again == []
    found = await notices(database, tenant)
    assert [(one.stage, one.reason) for one in found] == [
        ("disabled", "failing"),
        ("failing_for_four_days", None),
        ("failing_for_a_day", None),
        ("failing", None),
    ]
    assert {one.failing_since_at for one in found} == {clock.now_us() - 5 * DAY_S * 1_000_000}


async def test_an_endpoint_that_is_seldom_sent_to_is_warned_a_day_before_as_well(
    database: Database, clock: FixedClock
) -> None:
    """Nothing was sent between its first failure and the eighth day."""
    tenant, endpoint_id = await given_tenant(database, clock)
    await fail_one(database, clock, tenant)
    clock.advance_s(8 * DAY_S)
    seldom = await fail_one(database, clock, tenant)
    at_once = await disable(database, clock, [seldom])
    clock.advance_s(DAY_S - 0.000001)
    early = await disable(database, clock, [await fail_one(database, clock, tenant)])
    clock.advance_s(0.000001)

    disabled = await disable(database, clock, [await fail_one(database, clock, tenant)])

    assert (at_once, early) == ([], [])
    assert [one.id for one in disabled] == [endpoint_id]
    stages = [one.stage for one in await notices(database, tenant)]
    assert stages == ["disabled", "failing_for_four_days", "failing"]


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (410, {}, "gone"),
        (500, {"webhook-delivery": "disable"}, "asked"),
        (200, {"webhook-delivery": " Disable "}, "asked"),
    ],
)
async def test_the_receivers_own_word_disables_it_at_once(
    database: Database,
    clock: FixedClock,
    status: int,
    headers: dict[str, str],
    reason: str,
) -> None:
    tenant, _ = await given_tenant(database, clock)
    other, _ = await given_endpoint(database, clock, tenant, events=["endpoint.disabled"])
    await given_events(database, clock, tenant)
    [claimed] = (await claim_all(database, clock)).claimed
    one = answer(claimed, clock, status, headers)
    await settle(database, [one])

    [disabled] = await disable(database, clock, [one])

    assert disabled.disabled_reason == reason
    [told] = [one for one in await notices(database, tenant) if one.stage == "disabled"]
    assert (told.reason, told.created_at) == (reason, clock.now_us())
    [to_other] = (await claim_all(database, clock)).claimed
    assert (to_other.target.id, to_other.event_type) == (other.id, "endpoint.disabled")


@pytest.mark.parametrize("status", ["enabled", "deleted"])
async def test_enabling_or_deleting_ends_what_was_told(
    database: Database, clock: FixedClock, status: str
) -> None:
    tenant, endpoint_id = await given_tenant(database, clock)
    await disable(database, clock, [await fail_one(database, clock, tenant, 410)])
    clock.advance_s(60)

    async def change(tx: Transaction) -> None:
        if status == "deleted":
            await delete(tx, new_vault(), tenant, endpoint_id, now_us=clock.now_us())
            return
        await patch(
            tx,
            new_vault(),
            tenant,
            endpoint_id,
            changes=EndpointChanges(status=status),
            now_us=clock.now_us(),
        )

    await database.transaction(change)

    found = await notices(database, tenant)
    assert [(one.stage, one.ended_at) for one in found] == [
        ("disabled", clock.now_us()),
        ("failing", clock.now_us()),
    ]


async def test_abort_message_ends_a_failed_delivery_without_another_attempt(
    database: Database, clock: FixedClock
) -> None:
    tenant, _ = await given_tenant(database, clock)
    await given_events(database, clock, tenant, count=2)
    failed, taken = (await claim_all(database, clock)).claimed
    abort = {"webhook-delivery": "abort-message"}

    first, second = answer(failed, clock, 500, abort), answer(taken, clock, 200, abort)
    await settle(database, [first, second])
    clock.advance_s(30 * DAY_S)

    assert (first.status, second.status) == ("failed", "delivered")
    assert reasons_to_disable([first, second]) == {}
    assert (await claim_all(database, clock)).claimed == []


async def test_another_environment_hears_nothing(database: Database, clock: FixedClock) -> None:
    tenant, _ = await given_tenant(database, clock)
    await fail_one(database, clock, tenant)

    assert await notices(database, Tenant(tenant.account_id, "live")) == []
