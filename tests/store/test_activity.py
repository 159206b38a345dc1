"""How far back a look goes, and what it counts."""

import pytest

from billing.credits.opening import open_account
from billing.reports.activity import changes_lately, deliveries_lately, topups_lately
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, FixedClock
from kernel.tenant import Tenant
from store import activity
from store.database import Database, Transaction


async def tenant_of(database: Database, clock: FixedClock) -> Tenant:
    account_id = await database.transaction(
        lambda tx: open_account(tx, name="Test", email=None, now_us=clock.now_us())
    )
    return Tenant(account_id, "staging")


async def add_deliveries(
    database: Database, tenant: Tenant, times: list[int], status: str = "delivered"
) -> None:
    columns = (
        "id",
        "event_id",
        "endpoint_id",
        "account_id",
        "environment",
        "event_type",
        "status",
        "attempts_made",
        "created_at",
    )

    async def work(tx: Transaction) -> None:
        await tx.insert(
            "deliveries",
            columns,
            [
                (f"dlv_{status}{n:08}", "evt", "we", *tenant, "topup.delivered", status, 1, at)
                for n, at in enumerate(times)
            ],
        )

    await database.transaction(work)


async def test_a_quiet_account_sees_two_weeks(database: Database, clock: FixedClock) -> None:
    tenant = await tenant_of(database, clock)
    now_us = clock.now_us()
    await add_deliveries(database, tenant, [now_us, now_us - 1, now_us - 13 * DAY_US])
    await add_deliveries(database, tenant, [now_us - 14 * DAY_US, now_us - DAY_US], "failed")

    found = await database.read(lambda tx: deliveries_lately(tx, tenant, now_us=now_us))

    assert (found.step_us, len(found.starts)) == (DAY_US, 14)
    assert [found.count(start, "delivered") for start in found.starts] == [1, *[0] * 12, 2]
    assert [found.count(start, "failed") for start in found.starts] == [*[0] * 12, 1, 0]


@pytest.mark.parametrize(
    ("apart_us", "step_us"),
    [
        (130 * 1_000_000, DAY_US),
        (40 * 1_000_000, 6 * HOUR_US),
        (20 * 1_000_000, HOUR_US),
        (1_000_000, 5 * MINUTE_US),
        (1_000, MINUTE_US),
    ],
)
async def test_a_busy_one_sees_what_the_newest_rows_reach(
    database: Database, clock: FixedClock, apart_us: int, step_us: int
) -> None:
    tenant = await tenant_of(database, clock)
    now_us = clock.now_us()
    rows = activity.ROWS_MAX + 10
    await add_deliveries(database, tenant, [now_us - apart_us * n for n in range(rows)])

    found = await database.read(lambda tx: deliveries_lately(tx, tenant, now_us=now_us))

    assert found.step_us == step_us
    assert sum(found.count(start, "delivered") for start in found.starts) <= activity.ROWS_MAX
    assert found.count(found.starts[-1], "delivered") > 0


async def test_another_accounts_rows_do_not_count(database: Database, clock: FixedClock) -> None:
    tenant, other = await tenant_of(database, clock), await tenant_of(database, clock)
    now_us = clock.now_us()
    await add_deliveries(database, other, [now_us])

    found = await database.read(lambda tx: deliveries_lately(tx, tenant, now_us=now_us))

    assert found.rows == []


async def test_the_opening_credit_is_a_change_of_the_balance(
    database: Database, clock: FixedClock
) -> None:
    tenant = await tenant_of(database, clock)

    found = await database.read(lambda tx: changes_lately(tx, tenant, now_us=clock.now_us()))
    topups = await database.read(lambda tx: topups_lately(tx, tenant, now_us=clock.now_us()))

    assert found.sum_of(found.starts[-1]) == 10_000_000_000
    assert topups.rows == []
