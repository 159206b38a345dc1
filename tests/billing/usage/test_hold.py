"""A hold ends once; what of it was not captured goes back where it came from, windows included."""

import asyncio

import pytest

from billing.ledger.ledger import InsufficientBalance
from billing.topups.send import AmountOutOfRange
from billing.topups.topup import DuplicateReference
from billing.usage.hold import HoldEnded
from kernel.clock import FixedClock, parse_rfc3339
from kernel.errors import NotFound
from keys.caps import CapExceeded
from store.database import Database
from store.open import open_database
from tests.support.funded_account import open_funded_account
from tests.support.usage import (
    balances,
    beside,
    capture,
    expire,
    find,
    grant,
    hold,
    release,
    spent_micros,
    sweep,
    use,
)

OPENING = 10_000_000_000
NOON = parse_rfc3339("2026-06-13T12:00:00Z")
MINUTE_US = 60_000_000


async def test_a_hold_leaves_the_balance_at_once(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)

    held = await hold(account, 50_000, ttl_s=60, model="gpt-4", reference="call-1")

    assert held.balance_micros == OPENING - 50_000
    made = held.hold.at(held.account_now_us)
    assert (made.status, made.amount_micros, made.captured_micros) == ("held", 50_000, 0)
    assert (made.description, made.model, made.reference) == (
        "AI chat completion",
        "gpt-4",
        "call-1",
    )
    assert (made.created_at, made.expires_at, made.ended_at) == (NOON, NOON + MINUTE_US, None)
    assert (await account.balance())["held_cents"] == 5
    assert await account.findings() == []


async def test_a_part_is_captured_once_and_the_rest_returns(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    held = await hold(account, 50_000)
    clock.advance_s(5)

    captured = await capture(account, held.hold.id, 20_000)

    assert captured.balance_micros == OPENING - 20_000
    ended = captured.hold
    assert (ended.status, ended.captured_micros) == ("captured", 20_000)
    assert ended.ended_at == NOON + 5_000_000
    assert await balances(account) == {
        "wallet": OPENING - 20_000,
        "held": 0,
        "used": 20_000,
        "test_credit": OPENING,
    }
    for again in (capture, release):
        with pytest.raises(HoldEnded) as refusal:
            await again(account, held.hold.id)
        assert refusal.value.reason == "captured"
        assert refusal.value.extra == {"hold_id": held.hold.id, "hold_status": "captured"}
    assert await account.findings() == []


async def test_the_whole_is_captured_where_no_amount_is_named(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    held = await hold(account, 50_000)

    captured = await capture(account, held.hold.id)

    assert captured.hold.captured_micros == 50_000
    assert await account.findings() == []


async def test_more_than_was_held_is_not_captured(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    held = await hold(account, 50_000)

    with pytest.raises(AmountOutOfRange):
        await capture(account, held.hold.id, 50_001)

    assert (await find(account, held.hold.id)).status == "held"
    assert (await capture(account, held.hold.id, 50_000)).hold.status == "captured"


async def test_each_part_returns_to_where_it_was_taken_from(
    database: Database, clock: FixedClock
) -> None:
    # 300 of the earliest grant, 300 of the later one, 400 of the wallet; 350 are captured.
    account = await open_funded_account(database, clock)
    await grant(account, 300, expires_at=NOON + 9 * MINUTE_US)
    await grant(account, 300, expires_at=NOON + 60 * MINUTE_US)
    held = await hold(account, 1000)
    assert (await balances(account))["grant"] == 0

    await capture(account, held.hold.id, 350)

    found = await balances(account)
    assert (found["grant"], found["wallet"], found["used"]) == (250, OPENING, 350)
    assert await account.findings() == []


async def test_credit_that_ran_out_meanwhile_returns_and_expires(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await grant(account, 300, expires_at=NOON + MINUTE_US)
    held = await hold(account, 500)
    clock.advance_s(60)

    released = await release(account, held.hold.id)
    await sweep(account)

    assert released.balance_micros == OPENING
    found = await balances(account)
    assert (found["grant"], found["expired"], found["wallet"]) == (0, 300, OPENING)
    assert await account.findings() == []


async def test_a_hold_counts_in_the_caps_until_it_is_given_back(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=100)
    child = await account.mint(parent=account.principal)
    first = await hold(account, 700_000, principal=child)
    second = await hold(account, 300_000, principal=child)
    with pytest.raises(CapExceeded):
        await use(account, 1)

    await capture(account, first.hold.id, 200_000)
    await release(account, second.hold.id)

    for key in (child, account.principal):
        assert await spent_micros(account, key) == {"day 20617": 200_000, "month 20605": 200_000}
    with pytest.raises(CapExceeded):
        await use(account, 800_001)
    await use(account, 800_000)
    assert await account.findings() == []


async def test_what_returns_leaves_the_windows_that_it_was_counted_in(
    database: Database, clock: FixedClock
) -> None:
    # Held in the last minute of June, captured in July: June's windows get the rest back.
    clock.advance_s(parse_rfc3339("2026-06-30T23:59:30Z") // 10**6 - NOON // 10**6)
    account = await open_funded_account(database, clock, per_month_cents=100)
    held = await hold(account, 900_000)
    clock.advance_s(60)
    await use(account, 1_000_000)

    await capture(account, held.hold.id, 400_000)

    assert await spent_micros(account, account.principal) == {
        "day 20634": 400_000,
        "day 20635": 1_000_000,
        "month 20605": 400_000,
        "month 20635": 1_000_000,
    }


async def test_after_its_time_a_hold_is_expired_before_the_worker_comes_by(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    held = await hold(account, 50_000, ttl_s=60)
    clock.advance_s(60)

    for late in (capture, release):
        with pytest.raises(HoldEnded) as refusal:
            await late(account, held.hold.id)
        assert refusal.value.reason == "expired"
    found = await find(account, held.hold.id)
    assert found.at(clock.now_us()).status == "expired"
    assert await sweep(account) == 1

    found = await find(account, held.hold.id)
    assert (found.status, found.captured_micros) == ("expired", 0)
    assert (await balances(account))["wallet"] == OPENING
    assert await sweep(account) == 0
    assert await account.findings() == []


async def test_nothing_expires_early_or_twice(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    early = await hold(account, 1000, ttl_s=60)
    later = await hold(account, 1000, ttl_s=61)
    clock.advance_s(60)

    assert await expire(account, early.hold.id, later.hold.id) == 1
    assert await expire(account, early.hold.id, later.hold.id) == 0
    assert (await find(account, later.hold.id)).status == "held"


async def test_another_accounts_or_environments_hold_is_unknown(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    other = await open_funded_account(database, clock, email="other@example.com")
    live = await account.in_live()
    held = await hold(account, 1000)

    for stranger in (other.principal, live):
        for act in (capture, release):
            with pytest.raises(NotFound):
                await act(account, held.hold.id, principal=stranger)
        with pytest.raises(NotFound):
            await find(account, held.hold.id, stranger)
    assert (await find(account, held.hold.id)).status == "held"


async def test_a_reference_seen_before_names_the_first_hold(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    first = await hold(account, 1000, reference="call-1")
    await release(account, first.hold.id)

    with pytest.raises(DuplicateReference) as refusal:
        await hold(account, 5, reference="call-1")

    assert refusal.value.extra == {"hold_id": first.hold.id, "hold_status": "released"}


async def test_a_repeated_request_is_the_same_hold_also_after_a_restart(
    database_url: str, clock: FixedClock
) -> None:
    # A reservation of its own for each retry would hold the money twice.
    database = open_database(database_url)
    account = await open_funded_account(database, clock)
    await asyncio.gather(*(hold(account, 1000, key="k") for _ in range(20)))
    await account.engine.close()
    await database.close()

    again = open_database(database_url)
    later = beside(account, again)
    await hold(later, 1000, key="k")

    assert len({answer.body for answer in [*account.kept, *later.kept]}) == 1
    assert (await balances(later))["held"] == 1000
    assert await later.findings() == []
    await later.engine.close()
    await again.close()


async def test_a_repeated_capture_is_answered_in_the_same_bytes(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    held = await hold(account, 1000)

    first = await capture(account, held.hold.id, 400, key="c")
    clock.advance_s(1000)
    await capture(account, held.hold.id, 400, key="c")

    assert first.hold.captured_micros == 400
    assert account.kept[-1].is_replay
    assert account.kept[-1].body == account.kept[-2].body


async def test_one_of_many_ways_to_end_wins_at_two_tills(
    database_url: str, clock: FixedClock
) -> None:
    one, other = open_database(database_url), open_database(database_url)
    account = await open_funded_account(one, clock)
    second = beside(account, other)
    holds = [await hold(account, 1000) for _ in range(20)]

    outcomes = await asyncio.gather(
        *(
            act(at, held.hold.id)
            for held in holds
            for at, act in ((account, capture), (second, release), (second, capture))
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, HoldEnded) for outcome in outcomes) == 40
    statuses = [(await find(account, held.hold.id)).status for held in holds]
    found = await balances(account)
    assert found["held"] == 0
    assert found.get("used", 0) == 1000 * statuses.count("captured")
    assert found.get("used", 0) + found["wallet"] == OPENING
    assert await account.findings() == []
    for at in (account, second):
        await at.engine.close()
        await at.database.close()


async def test_a_hold_needs_what_it_holds(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    await hold(account, OPENING)

    with pytest.raises(InsufficientBalance):
        await hold(account, 1)
    with pytest.raises(InsufficientBalance):
        await use(account, 1)
