"""What an app takes: once for each order_no, within the cap, never more than there is."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from billing.credits.opening import Credit
from billing.engine.engine import Engine
from billing.ledger.ledger import Code, InsufficientBalance, Ledger, LedgerAccountKind
from billing.proof.audit import audit
from billing.usage.oauth_charge import OrderNoReused, list_charges, load_spent
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.account import set_day_limit
from keys.caps import CapExceeded
from keys.oauth import grant as oauth_grant
from keys.principal import CredentialEnded
from keys.sandbox_clock import advance
from store.database import Database, Transaction
from store.open import open_database
from tests.support.charging_app import ChargingApp, open_charging_app
from tests.support.promotional_credit import GivePromotion

MILLION_DOLLARS = 10**12


@pytest.fixture
async def charging(database: Database, clock: FixedClock) -> AsyncIterator[ChargingApp]:
    opened = await open_charging_app(database, clock)
    yield opened
    assert [finding async for finding in audit(database)] == []


async def spent(charging: ChargingApp) -> int:
    async def work(tx: Transaction) -> int:
        user, now_us = charging.principal.tenant, charging.account.clock.now_us()
        found = await load_spent(tx, user, await oauth_grant.list_grants(tx, user), now_us=now_us)
        return found[charging.origin.grant_id]

    return await charging.account.database.read(work)


async def listed(charging: ChargingApp) -> list[tuple[str, int]]:
    rows = await charging.account.database.read(
        lambda tx: list_charges(tx, charging.principal.tenant)
    )
    return [(row.order_no, row.amount_micros) for row in rows]


async def test_a_charge_goes_from_the_user_to_the_owner(charging: ChargingApp) -> None:
    charge = await charging.charge(1_250_000, "o-1", remark="Two pages")

    # $10,000.00 less and more $1.25.
    assert await charging.user_cents() == 999_875
    assert await charging.owner_cents() == 1_000_125
    assert (charge.account_id, charge.owner_id) == (
        charging.account.account_id,
        charging.consent.owner_id,
    )
    assert (charge.order_no, charge.amount_micros, charge.remark) == ("o-1", 1_250_000, "Two pages")
    assert await listed(charging) == [("o-1", 1_250_000)]


async def test_a_charge_may_be_a_millionth_of_a_dollar(charging: ChargingApp) -> None:
    await charging.charge(1)

    assert await spent(charging) == 1


async def test_the_same_charge_again_takes_nothing(charging: ChargingApp) -> None:
    first = await charging.charge(500_000, "o-1", remark="x")
    charging.account.clock.advance_s(3600)

    assert await charging.charge(500_000, "o-1", remark="x") == first
    assert await spent(charging) == 500_000
    assert await listed(charging) == [("o-1", 500_000)]


@pytest.mark.parametrize(("micros", "remark"), [(500_001, "x"), (500_000, "y"), (500_000, "")])
async def test_an_order_no_with_another_body_is_refused(
    charging: ChargingApp, micros: int, remark: str
) -> None:
    await charging.charge(500_000, "o-1", remark="x")

    with pytest.raises(OrderNoReused):
        await charging.charge(micros, "o-1", remark=remark)
    assert await spent(charging) == 500_000


async def test_an_order_no_is_each_apps_and_each_users_own(charging: ChargingApp) -> None:
    other = await charging.agree(name="Other", scope="advanced_access")

    await charging.charge(1_000_000, "o-1")
    await charging.charge(2_000_000, "o-1", principal=other)

    assert await listed(charging) == [("o-1", 2_000_000), ("o-1", 1_000_000)]


async def test_a_charge_ends_exactly_at_the_cap_and_no_further(charging: ChargingApp) -> None:
    await charging.charge(9_999_999, "o-1")

    with pytest.raises(CapExceeded) as refused:
        await charging.charge(2, "o-2")
    await charging.charge(1, "o-3")
    with pytest.raises(CapExceeded):
        await charging.charge(1, "o-4")

    # June 2026 begins a new window on July the 1st; the clock stands at noon of the 13th.
    assert refused.value.reason == "per_month"
    assert refused.value.extra == {
        "limit": 1000,
        "remaining": 0,
        "resets_at": "2026-07-01T00:00:00Z",
    }
    assert refused.value.retry_after_s == 17 * 86_400 + 43_200


async def test_the_next_period_begins_by_the_users_own_sandbox_clock(
    database: Database, clock: FixedClock
) -> None:
    charging = await open_charging_app(database, clock, cap_micros=1_000_000, cap_period="day")
    await charging.charge(1_000_000, "o-1")
    await database.transaction(lambda tx: advance(tx, charging.principal.tenant, advance_s=43_200))
    assert await spent(charging) == 0
    await charging.charge(700_000, "o-2")
    with pytest.raises(CapExceeded) as refused:
        await charging.charge(300_001, "o-3")
    assert await spent(charging) == 700_000
    assert refused.value.extra["resets_at"] == "2026-06-15T00:00:00Z"


async def test_the_cap_is_whole_again_in_the_next_period(
    database: Database, clock: FixedClock
) -> None:
    charging = await open_charging_app(database, clock, cap_micros=1_000_000, cap_period="day")
    await charging.charge(1_000_000, "o-1")

    clock.advance_s(43_200 - 0.000001)
    with pytest.raises(CapExceeded) as refused:
        await charging.charge(1, "o-2")
    clock.advance_s(0.000001)
    await charging.charge(1_000_000, "o-3")

    assert refused.value.extra["resets_at"] == "2026-06-14T00:00:00Z"


@pytest.mark.parametrize(
    ("day_limit_cents", "reason", "wait_s"),
    [
        # The clock stands at noon: 12 hours to midnight, and to July 17.5 days.
        (300, "per_month", 17 * 86_400 + 43_200),
        (199, "account_per_day", None),
    ],
)
async def test_of_the_apps_limit_and_the_accounts_the_longer_is_named(
    charging: ChargingApp, day_limit_cents: int, reason: str, wait_s: int | None
) -> None:
    user, database = charging.principal.tenant, charging.account.database
    await charging.charge(9_000_000, "o-1")
    await database.transaction(lambda tx: set_day_limit(tx, user, day_limit_cents))
    await charging.account.send(150)

    with pytest.raises(CapExceeded) as refused:
        await charging.charge(2_000_000, "o-2")

    assert (refused.value.reason, refused.value.retry_after_s) == (reason, wait_s)


async def test_a_cap_of_nothing_lets_nothing_through(database: Database, clock: FixedClock) -> None:
    charging = await open_charging_app(database, clock, cap_micros=0)

    with pytest.raises(CapExceeded):
        await charging.charge(1)


async def test_a_new_consent_does_not_empty_the_running_period(charging: ChargingApp) -> None:
    await charging.charge(6_000_000, "o-1")
    await charging.consent.end_grant(charging.origin.grant_id)
    _, secret = await charging.consent.token()
    again = await charging.consent.principal(secret)

    with pytest.raises(CapExceeded):
        await charging.charge(4_000_001, "o-2", principal=again)
    await charging.charge(4_000_000, "o-3", principal=again)


async def test_the_cap_is_the_one_that_was_consented_to(
    database: Database, clock: FixedClock
) -> None:
    charging = await open_charging_app(database, clock, cap_micros=1_000_000)

    async def raise_it(tx: Transaction) -> None:
        await tx.execute("UPDATE oauth_apps SET cap_micros = :more", more=MILLION_DOLLARS)

    await database.transaction(raise_it)

    with pytest.raises(CapExceeded):
        await charging.charge(1_000_001)


@pytest.mark.parametrize("how", ["grant", "app"])
async def test_what_ended_after_the_token_was_read_takes_nothing(
    charging: ChargingApp, how: str
) -> None:
    if how == "grant":
        await charging.consent.end_grant(charging.origin.grant_id)
    else:
        await charging.consent.disable()

    with pytest.raises(CredentialEnded):
        await charging.charge(1)
    assert await charging.user_cents() == 1_000_000


async def test_a_grant_of_another_app_takes_nothing(charging: ChargingApp) -> None:
    other = await charging.agree(name="Other", scope="advanced_access")
    forged = replace(charging.principal, oauth=replace(charging.origin, app_id=other.oauth.app_id))  # type: ignore[union-attr]

    with pytest.raises(CredentialEnded):
        await charging.charge(1, principal=forged)


async def test_the_wallet_limits_a_charge_before_a_larger_cap(
    database: Database, clock: FixedClock
) -> None:
    charging = await open_charging_app(database, clock, cap_micros=MILLION_DOLLARS)

    with pytest.raises(InsufficientBalance):
        await charging.charge(10_000_000_001, "o-1")
    await charging.charge(10_000_000_000, "o-2")

    assert await charging.user_cents() == 0
    assert await charging.owner_cents() == 2_000_000


async def owe(charging: ChargingApp, tenant: Tenant, micros: int) -> None:
    """A debt out of nowhere, with the credit that it stands for."""

    async def work(tx: Transaction) -> None:
        ledger = Ledger()
        await ledger.load(tx, [tenant], [])
        debt, wallet = (
            ledger.account(tenant, LedgerAccountKind.OWED),
            ledger.account(tenant, LedgerAccountKind.WALLET),
        )
        ledger.post(debit=debt, credit=wallet, amount_micros=micros, code=Code.MANUAL, now_us=1)
        await ledger.flush(tx, 1)

    await charging.account.database.transaction(work)


async def test_who_owes_is_not_charged(charging: ChargingApp) -> None:
    await owe(charging, charging.principal.tenant, 1)

    with pytest.raises(InsufficientBalance) as refused:
        await charging.charge(1)
    assert refused.value.reason == "owed"


async def test_what_the_owner_owes_is_paid_by_charges_first(charging: ChargingApp) -> None:
    await owe(charging, charging.consent.app.owner, 300_000)

    await charging.charge(1_000_000)

    balance = await charging.account.balance(charging.in_the_owners_place())
    # $10,000.00 and the 30 cents that are owed; then 70 of the 100 cents that came.
    assert (balance["balance_cents"], balance["owed_cents"]) == (1_000_100, 0)


async def test_an_owner_may_try_its_own_app(database: Database, clock: FixedClock) -> None:
    charging = await open_charging_app(database, clock, is_own_app=True)

    await charging.charge(1_000_000)

    assert await charging.user_cents() == 1_000_000
    assert await spent(charging) == 1_000_000
    assert [finding async for finding in audit(database)] == []


async def test_in_live_promotional_credit_is_nobody_elses_to_take(
    database: Database, clock: FixedClock
) -> None:
    charging = await open_charging_app(database, clock, environment="live")
    tenant, engine = charging.principal.tenant, charging.account.engine
    await engine.submit(Credit(tenant, 200, LedgerAccountKind.MANUAL))
    await engine.submit(GivePromotion(tenant, 5_000_000, None))

    with pytest.raises(InsufficientBalance):
        await charging.charge(2_000_001, "o-1")
    await charging.charge(2_000_000, "o-2")

    assert (await charging.user_cents(), await charging.owner_cents()) == (500, 200)
    assert [finding async for finding in audit(database)] == []


async def test_in_staging_promotional_credit_arrives_as_purchased(charging: ChargingApp) -> None:
    tenant = charging.principal.tenant
    await charging.account.engine.submit(GivePromotion(tenant, 1_000_000, None))

    await charging.charge(1_500_000)

    assert await charging.user_cents() == 999_950
    assert await charging.owner_cents() == 1_000_150


# In parallel


async def test_parallel_charges_at_two_tills_stop_at_the_cap(
    charging: ChargingApp, database_url: str
) -> None:
    other = open_database(database_url)
    second = Engine(other, charging.account.clock, charging.account.engine.rules)
    try:
        taken, refused = await charging.together(
            *(
                charging.charge(300_000, f"o-{number}", engine=engine)
                for number in range(50)
                for engine in (charging.account.engine, second)
                if number % 2 == (engine is second)
            )
        )
    finally:
        await second.close()
        await other.close()

    # 33 charges of 30 cents are $9.90; the 34th would be $10.20.
    assert len(taken) == 33
    assert all(isinstance(one, CapExceeded) for one in refused), refused
    assert await spent(charging) == 9_900_000
    assert await charging.owner_cents() == 1_000_990


async def test_parallel_charges_at_two_tills_never_overspend(
    database: Database, clock: FixedClock, database_url: str
) -> None:
    charging = await open_charging_app(database, clock, cap_micros=MILLION_DOLLARS)
    other = open_database(database_url)
    second = Engine(other, clock, charging.account.engine.rules)
    try:
        taken, refused = await charging.together(
            *(
                charging.charge(3_000_000_000, f"o-{number}", engine=engine)
                for number in range(10)
                for engine in (charging.account.engine, second)
                if number % 2 == (engine is second)
            )
        )
    finally:
        await second.close()
        await other.close()

    # Three times $3,000.00 of $10,000.00.
    assert len(taken) == 3
    assert all(isinstance(one, InsufficientBalance) for one in refused), refused
    assert await charging.user_cents() == 100_000
    assert [finding async for finding in audit(database)] == []


async def test_parallel_charges_of_one_order_no_are_one(
    charging: ChargingApp, database_url: str
) -> None:
    other = open_database(database_url)
    second = Engine(other, charging.account.clock, charging.account.engine.rules)
    try:
        taken, refused = await charging.together(
            *(
                charging.charge(1_000_000, "o-1", engine=engine)
                for _ in range(10)
                for engine in (charging.account.engine, second)
            )
        )
    finally:
        await second.close()
        await other.close()

    assert refused == []
    assert len({charge.id for charge in taken}) == 1
    assert await charging.user_cents() == 999_900


async def test_apps_that_charge_each_other_do_not_wait_for_ever(
    charging: ChargingApp, database_url: str
) -> None:
    back = await charging.mirrored()
    other = open_database(database_url)
    second = Engine(other, charging.account.clock, charging.account.engine.rules)
    try:
        taken, refused = await charging.together(
            *(charging.charge(10_000, f"o-{number}") for number in range(20)),
            *(
                charging.charge(10_000, f"o-{number}", principal=back, engine=second)
                for number in range(20)
            ),
        )
    finally:
        await second.close()
        await other.close()

    assert (len(taken), refused) == (40, [])
    assert await charging.user_cents() == await charging.owner_cents() == 1_000_000


async def test_a_charge_counts_against_the_accounts_own_limit_of_a_day(
    charging: ChargingApp,
) -> None:
    user, database = charging.principal.tenant, charging.account.database
    await database.transaction(lambda tx: set_day_limit(tx, user, 300))

    # $2.00 by the app and $1.00 by a key are all of it.
    await charging.charge(2_000_000, "o-1")
    with pytest.raises(CapExceeded) as refused:
        await charging.charge(1_010_000, "o-2")
    assert refused.value.reason == "account_per_day"
    await charging.account.send(100)
    with pytest.raises(CapExceeded):
        await charging.charge(10_000, "o-3")

    # The same charge again is the one that was taken.
    assert (await charging.charge(2_000_000, "o-1")).amount_micros == 2_000_000
    assert await charging.user_cents() == 999_700
