"""One award a day and account, in its own time zone, within the day's budget."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from billing.credits.checkin import (
    DEFAULTS,
    AlreadyCheckedIn,
    BudgetExhausted,
    CheckedIn,
    CheckinOff,
    CheckinSettings,
    write_settings,
)
from kernel.clock import FixedClock, parse_rfc3339, rfc3339
from kernel.errors import InvalidInput
from keys.account import set_time_zone
from keys.sandbox_clock import advance
from store.database import Database, Transaction
from store.open import open_database
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.usage import balances, beside, check_in

FIXED = CheckinSettings(is_enabled=True, credits_min=100, credits_max=100)


def at(text: str) -> FixedClock:
    return FixedClock(parse_rfc3339(text))


def go_to(clock: FixedClock, text: str) -> None:
    clock.advance_s((parse_rfc3339(text) - clock.now_us()) / 1_000_000)


async def configure(
    account: FundedAccount, settings: CheckinSettings, environment: str = "staging"
) -> None:
    async def work(tx: Transaction) -> None:
        await write_settings(tx, environment, settings, now_us=account.clock.now_us())

    await account.database.transaction(work)


async def move_to(account: FundedAccount, time_zone: str) -> None:
    await account.database.transaction(lambda tx: set_time_zone(tx, account.account_id, time_zone))


async def refused_until(account: FundedAccount) -> str:
    with pytest.raises(AlreadyCheckedIn) as refusal:
        await check_in(account)
    assert refusal.value.reason == "already_checked_in"
    return str(refusal.value.extra["next_checkin_at"])


async def test_the_defaults_award_in_staging_and_nothing_in_live(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    first = await check_in(account)
    with pytest.raises(CheckinOff):
        await check_in(account, principal=await account.in_live())

    assert first.checkin.awarded_micros == 100_000
    assert first.checkin.streak == 1
    assert first.balance_micros == 10_000_100_000
    assert rfc3339(first.checkin.next_at) == "2026-06-14T08:00:00Z"
    assert (await account.balance())["promotional_cents"] == 10
    assert await account.findings() == []


async def test_once_a_day_and_twenty_hours_apart(database: Database) -> None:
    clock = at("2026-06-13T23:30:00Z")
    account = await open_funded_account(database, clock)
    await check_in(account)

    # The next day begins half an hour later, the twenty hours end at half past seven.
    go_to(clock, "2026-06-14T00:00:00Z")
    assert await refused_until(account) == "2026-06-14T19:30:00Z"
    go_to(clock, "2026-06-14T19:29:59Z")
    assert await refused_until(account) == "2026-06-14T19:30:00Z"
    go_to(clock, "2026-06-14T19:30:00Z")

    assert (await check_in(account)).checkin.streak == 2
    # Twenty hours after that it is still the same day.
    go_to(clock, "2026-06-15T15:29:59Z")
    assert await refused_until(account) == "2026-06-15T15:30:00Z"


async def test_a_second_one_on_a_long_day_is_refused(database: Database) -> None:
    clock = at("2026-06-13T01:00:00Z")
    account = await open_funded_account(database, clock)
    await check_in(account)

    go_to(clock, "2026-06-13T22:00:00Z")

    assert await refused_until(account) == "2026-06-14T00:00:00Z"


async def test_the_day_is_the_accounts_own(database: Database) -> None:
    # 20:00 UTC is 09:00 of the next day in Auckland (UTC+13 in January).
    clock = at("2026-01-10T20:00:00Z")
    account = await open_funded_account(database, clock)
    await move_to(account, "Pacific/Auckland")

    first = await check_in(account)

    assert first.checkin.day.isoformat() == "2026-01-11"
    # Midnight there is 11:00 UTC, but the twenty hours end at 16:00.
    assert await refused_until(account) == "2026-01-11T16:00:00Z"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("zone", "first", "following", "next_at"),
    [
        # Berlin, 29 March 2026: the day has 23 hours; midnight of the 30th is 22:00 UTC.
        ("Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29", "2026-03-29T22:00:00Z"),
        # 25 October 2026: 25 hours; midnight of the 26th is 23:00 UTC.
        ("Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25", "2026-10-25T23:00:00Z"),
        # Cairo, 24 April 2026: clocks go from 00:00 to 01:00, so the day begins at 22:00 UTC.
        ("Africa/Cairo", "2026-04-22T22:30:00Z", "2026-04-23", "2026-04-23T22:00:00Z"),
        # Havana, 1 November 2026: 01:00 becomes 00:00 again; the first midnight, 04:00 UTC, counts.
        ("America/Havana", "2026-10-31T04:30:00Z", "2026-10-31", "2026-11-01T04:00:00Z"),
        # Kathmandu is UTC+5:45.
        ("Asia/Kathmandu", "2026-06-12T18:15:00Z", "2026-06-13", "2026-06-13T18:15:00Z"),
    ],
)
async def test_clock_changes_move_midnight(
    database: Database, zone: str, first: str, following: str, next_at: str
) -> None:
    clock = at(first)
    account = await open_funded_account(database, clock)
    await move_to(account, zone)

    made = await check_in(account)

    assert made.checkin.day.isoformat() == following
    assert rfc3339(made.checkin.next_at) == next_at
    clock.advance_s((parse_rfc3339(next_at) - clock.now_us()) / 1_000_000 - 1)
    assert await refused_until(account) == next_at
    clock.advance_s(1)
    assert (await check_in(account)).checkin.streak == 2


async def test_a_change_of_zone_counts_after_the_next_check_in(database: Database) -> None:
    clock = at("2026-06-13T12:00:00Z")
    account = await open_funded_account(database, clock)
    await check_in(account)
    await move_to(account, "Pacific/Kiritimati")  # UTC+14

    go_to(clock, "2026-06-14T08:00:00Z")
    second = await check_in(account)

    # Still a day of UTC; only the third is one of Kiritimati, where the 15th begins at 10:00 UTC.
    assert (second.checkin.day.isoformat(), second.checkin.time_zone) == ("2026-06-14", "UTC")
    assert await refused_until(account) == "2026-06-15T04:00:00Z"
    go_to(clock, "2026-06-15T04:00:00Z")
    third = await check_in(account)
    assert third.checkin.time_zone == "Pacific/Kiritimati"
    assert (third.checkin.day.isoformat(), third.checkin.streak) == ("2026-06-15", 3)


async def test_travelling_west_never_makes_a_second_award_of_one_day(database: Database) -> None:
    clock = at("2026-06-13T10:30:00Z")  # 00:30 of the 14th in Kiritimati
    account = await open_funded_account(database, clock)
    await move_to(account, "Pacific/Kiritimati")
    first = await check_in(account)
    await move_to(account, "Pacific/Pago_Pago")  # UTC-11
    go_to(clock, "2026-06-14T10:00:00Z")
    second = await check_in(account)

    # The 15th of Kiritimati was taken; that of Pago Pago does not count again, the 16th does.
    assert (first.checkin.day.isoformat(), second.checkin.day.isoformat()) == (
        "2026-06-14",
        "2026-06-15",
    )
    assert await refused_until(account) == "2026-06-16T11:00:00Z"


async def test_a_streak_adds_a_bonus_and_ends_with_a_missed_day(database: Database) -> None:
    clock = at("2026-06-01T12:00:00Z")
    account = await open_funded_account(database, clock)
    await configure(account, replace(FIXED, streak_bonus_credits=10, streak_days_max=2))

    awarded = []
    for day in ("01", "02", "03", "04", "06"):
        go_to(clock, f"2026-06-{day}T12:00:00Z")
        made = await check_in(account)
        awarded.append((made.checkin.streak, made.checkin.awarded_micros))

    assert awarded == [(1, 100_000), (2, 110_000), (3, 120_000), (4, 120_000), (1, 100_000)]
    assert await account.findings() == []


async def test_a_random_award_is_what_the_source_says(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await configure(account, CheckinSettings(is_enabled=True, credits_min=5, credits_max=50))
    asked: list[tuple[int, int]] = []

    def pick(low: int, high: int) -> int:
        asked.append((low, high))
        return 42

    made = await check_in(account, pick=pick)

    assert asked == [(5, 50)]
    assert made.checkin.awarded_micros == 42_000


async def test_the_budget_of_a_utc_day_is_shared(database: Database, clock: FixedClock) -> None:
    one = await open_funded_account(database, clock)
    two = await open_funded_account(database, clock, email="two@example.com")
    three = await open_funded_account(database, clock, email="three@example.com")
    await configure(one, replace(FIXED, daily_budget_credits=250))
    await check_in(one)
    await check_in(two)

    with pytest.raises(BudgetExhausted) as refusal:
        await check_in(three)

    assert refusal.value.reason == "budget_exhausted"
    assert refusal.value.extra == {"resets_at": "2026-06-14T00:00:00Z"}
    clock.advance_s(12 * 3600)
    assert (await check_in(three)).checkin.streak == 1
    assert await three.findings() == []


async def test_live_awards_once_an_operator_turned_it_on(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    live = await account.in_live()
    await configure(account, FIXED, "live")

    made = await check_in(account, principal=live)
    await check_in(account)  # staging is another world

    assert made.balance_micros == 100_000
    assert await account.findings() == []


async def test_parallel_check_ins_at_two_tills_award_once_and_keep_the_budget(
    database_url: str, clock: FixedClock
) -> None:
    one, other = open_database(database_url), open_database(database_url)
    desks = [await open_funded_account(one, clock, email=f"u{n}@example.com") for n in range(8)]
    await configure(desks[0], replace(FIXED, daily_budget_credits=500))
    seconds = [beside(account, other) for account in desks]
    engines = desks[0].engine, seconds[0].engine
    for account, second in zip(desks, seconds, strict=True):
        account.engine, second.engine = engines

    outcomes = await asyncio.gather(
        *(check_in(account) for _ in range(5) for account in [*desks, *seconds]),
        return_exceptions=True,
    )

    awarded = [outcome for outcome in outcomes if isinstance(outcome, CheckedIn)]
    assert len({made.checkin.account_id for made in awarded}) == len(awarded) == 5
    assert all(
        isinstance(outcome, CheckedIn | AlreadyCheckedIn | BudgetExhausted) for outcome in outcomes
    )
    found = [(await balances(account)).get("grant", 0) for account in desks]
    assert sorted(found) == [0, 0, 0] + [100_000] * 5
    assert await desks[0].findings() == []
    for engine in engines:
        await engine.close()
    await one.close()
    await other.close()


async def test_a_repeated_request_is_answered_in_the_same_bytes(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    await asyncio.gather(*(check_in(account, key="today") for _ in range(10)))

    assert len({answer.body for answer in account.kept}) == 1
    assert (await balances(account))["grant"] == 100_000


async def test_the_sandbox_clock_brings_the_next_day(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    await check_in(account)
    tenant = account.principal.tenant

    await database.transaction(lambda tx: advance(tx, tenant, advance_s=86_400))

    assert (await check_in(account)).checkin.streak == 2


async def test_statements_do_not_grow_with_the_batch(database: Database, clock: FixedClock) -> None:
    desks = [
        await open_funded_account(database, clock, email=f"u{n}@example.com") for n in range(9)
    ]
    for account in desks:
        account.engine = desks[0].engine

    async def statements(some: list[FundedAccount]) -> int:
        before = database.statements_run
        await asyncio.gather(*(check_in(account) for account in some))
        return database.statements_run - before

    # The first of several is decided alone, the others together.
    few = await statements(desks[:2])

    assert await statements(desks[2:]) == few


@pytest.mark.one_database
@pytest.mark.parametrize(
    "changes",
    [
        {"credits_min": 0},
        {"credits_min": 101},
        {"credits_max": 10**9 + 1},
        {"streak_bonus_credits": -1},
        {"streak_days_max": 366},
        {"daily_budget_credits": -1},
    ],
)
async def test_settings_that_cannot_be_are_refused(
    database: Database, clock: FixedClock, changes: dict[str, Any]
) -> None:
    account = await open_funded_account(database, clock)

    with pytest.raises(InvalidInput) as refusal:
        await configure(account, replace(DEFAULTS["staging"], **changes))

    assert refusal.value.param in {*changes, "credits_max"}
