"""Spend caps: windows, their arithmetic, and their counters under concurrency."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, strategies as st

from kernel.clock import FixedClock, parse_rfc3339
from kernel.tenant import Tenant
from keys import caps
from keys.account import create_account, lock_tenants
from keys.caps import CapExceeded
from store.database import Database, Transaction
from store.postgresql.database import PostgresqlDatabase

NOON = parse_rfc3339("2026-06-13T12:00:00Z")
DAY = parse_rfc3339("2026-06-13T00:00:00Z")
MONTH = parse_rfc3339("2026-06-01T00:00:00Z")


@dataclass(frozen=True)
class State:
    id: str = "key_1"
    per_call_cents: int | None = None
    per_day_cents: int | None = None
    per_month_cents: int | None = None


@pytest.mark.parametrize(
    ("moment", "day", "month"),
    [
        ("2026-06-13T12:00:00Z", "2026-06-13T00:00:00Z", "2026-06-01T00:00:00Z"),
        ("2026-06-30T23:59:59.999999Z", "2026-06-30T00:00:00Z", "2026-06-01T00:00:00Z"),
        ("2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        ("2028-02-29T23:59:59Z", "2028-02-29T00:00:00Z", "2028-02-01T00:00:00Z"),
        ("2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z", "2026-12-01T00:00:00Z"),
    ],
)
def test_windows_are_calendar_days_and_months_in_utc(moment: str, day: str, month: str) -> None:
    assert caps.windows_of(parse_rfc3339(moment)) == (
        ("day", parse_rfc3339(day)),
        ("month", parse_rfc3339(month)),
    )


def test_without_caps_everything_passes() -> None:
    assert caps.first_cap_exceeded([State()], {}, 10**15, NOON) is None
    assert caps.tightest_remaining_micros([State()], {}, NOON) is None
    assert caps.tightest_windows([State()], {}, NOON) == []
    assert caps.first_cap_exceeded([], {}, 1, NOON) is None


@pytest.mark.parametrize(
    ("state", "spent", "cap", "limit", "remaining", "resets_at", "wait_s"),
    [
        (State(per_call_cents=999), {}, "per_call", 999, 999, None, None),
        (
            State(per_day_cents=1500),
            {("key_1", "day", DAY): 5_010_000},
            "per_day",
            1500,
            # 1500 - 501 = 999 cents: $5.01 is spent.
            999,
            "2026-06-14T00:00:00Z",
            12 * 3600,
        ),
        (
            State(per_month_cents=1500),
            {("key_1", "month", MONTH): 5_000_001},
            "per_month",
            1500,
            # One micro too many costs a whole cent: what is left is floored.
            999,
            "2026-07-01T00:00:00Z",
            (17 * 24 + 12) * 3600,
        ),
        # No day has room for it, so no wait is named.
        (State(per_day_cents=0), {}, "per_day", 0, 0, "2026-06-14T00:00:00Z", None),
        (
            State(per_day_cents=5),
            # Spent before the cap was lowered.
            {("key_1", "day", DAY): 90_000},
            "per_day",
            5,
            0,
            "2026-06-14T00:00:00Z",
            None,
        ),
    ],
)
def test_a_cap_without_room_is_named_with_what_is_left(
    state: State,
    spent: dict[caps.Window, int],
    cap: str,
    limit: int,
    remaining: int,
    resets_at: str | None,
    wait_s: int | None,
) -> None:
    refused = caps.first_cap_exceeded([state], spent, 10_000_000, NOON)

    assert refused is not None
    assert refused.reason == cap
    assert refused.retry_after_s == wait_s
    assert refused.extra == {
        "cap": cap,
        "key_id": "key_1",
        "limit": limit,
        "remaining": remaining,
        "resets_at": resets_at,
    }


@pytest.mark.parametrize(
    "state",
    [State(per_call_cents=1000), State(per_day_cents=1500), State(per_month_cents=1500)],
)
def test_a_debit_that_ends_exactly_at_the_cap_passes(state: State) -> None:
    spent = {("key_1", "day", DAY): 5_000_000, ("key_1", "month", MONTH): 5_000_000}

    assert caps.first_cap_exceeded([state], spent, 10_000_000, NOON) is None
    assert caps.first_cap_exceeded([state], spent, 10_000_001, NOON) is not None
    assert caps.tightest_remaining_micros([state], spent, NOON) == 10_000_000


def test_the_cap_that_waiting_helps_least_is_named() -> None:
    every = State(per_call_cents=1, per_day_cents=1, per_month_cents=1)
    windows = State(per_day_cents=1, per_month_cents=1)

    first = caps.first_cap_exceeded([every], {}, 20_000, NOON)
    second = caps.first_cap_exceeded([windows], {}, 20_000, NOON)

    assert (first and first.reason, second and second.reason) == ("per_call", "per_month")


def test_a_cap_below_the_amount_is_named_before_one_that_has_room_later() -> None:
    state = State(per_day_cents=5, per_month_cents=10)

    refused = caps.first_cap_exceeded([state], {("key_1", "month", MONTH): 50_000}, 60_000, NOON)

    # Six cents: the month has five left, and no day takes more than five.
    assert refused is not None
    assert (refused.reason, refused.retry_after_s) == ("per_day", None)


def test_a_spend_counts_against_the_ancestors_caps() -> None:
    lineage = [State("key_child"), State("key_parent", per_day_cents=10), State("key_root")]

    refused = caps.first_cap_exceeded(lineage, {("key_parent", "day", DAY): 60_000}, 50_000, NOON)

    assert refused is not None
    assert refused.extra["key_id"] == "key_parent"
    assert refused.extra["remaining"] == 4


def test_what_another_window_saw_does_not_count() -> None:
    spent = {("key_1", "day", DAY - 86_400_000_000): 10**9, ("key_2", "day", DAY): 10**9}

    assert caps.first_cap_exceeded([State(per_day_cents=1)], spent, 10_000, NOON) is None


def test_a_window_is_empty_again_at_the_microsecond_of_its_reset() -> None:
    spent = {("key_1", "day", DAY): 10_000, ("key_1", "month", MONTH): 0}
    state = State(per_day_cents=1)
    midnight = parse_rfc3339("2026-06-14T00:00:00Z")

    last = caps.first_cap_exceeded([state], spent, 10_000, midnight - 1)
    assert last is not None
    assert last.retry_after_s == 1
    assert caps.first_cap_exceeded([state], spent, 10_000, midnight) is None


def test_the_tightest_window_of_each_period_is_shown() -> None:
    lineage = [
        State("key_child", per_day_cents=100, per_call_cents=50),
        State("key_root", per_day_cents=500, per_month_cents=9000, per_call_cents=40),
    ]
    spent = {
        ("key_child", "day", DAY): 100_000,
        ("key_root", "day", DAY): 4_500_001,
        ("key_root", "month", MONTH): 4_500_001,
    }

    views = caps.tightest_windows(lineage, spent, NOON)

    assert views == [
        caps.WindowView("key_root", "day", 500, 451, 49, parse_rfc3339("2026-06-14T00:00:00Z")),
        caps.WindowView(
            "key_root", "month", 9000, 451, 8549, parse_rfc3339("2026-07-01T00:00:00Z")
        ),
    ]
    assert caps.tightest_per_call_cents(lineage) == 40
    assert caps.tightest_remaining_micros(lineage, spent, NOON) == 400_000


_CENTS = st.none() | st.integers(0, 30)
_STATES = st.lists(
    st.builds(
        State,
        st.sampled_from(["key_1", "key_2", "key_3"]),
        per_call_cents=_CENTS,
        per_day_cents=_CENTS,
        per_month_cents=_CENTS,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda state: state.id,
)
_SPENT = st.dictionaries(
    st.tuples(
        st.sampled_from(["key_1", "key_2", "key_3"]),
        st.sampled_from(["day", "month"]),
        st.sampled_from([DAY, MONTH]),
    ),
    st.integers(0, 400_000),
)


@given(_STATES, _SPENT, st.integers(0, 400_000))
def test_what_remains_is_exactly_the_largest_debit_that_passes(
    states: list[State], spent: dict[caps.Window, int], amount: int
) -> None:
    room = caps.tightest_remaining_micros(states, spent, NOON)

    if room is None:
        assert caps.first_cap_exceeded(states, spent, amount, NOON) is None
        return
    is_refused = caps.first_cap_exceeded(states, spent, amount, NOON) is not None
    assert is_refused is (amount > room)


@given(_STATES, _SPENT, st.integers(0, 400_000))
def test_a_lineage_passes_only_what_every_key_of_it_passes(
    states: list[State], spent: dict[caps.Window, int], amount: int
) -> None:
    together = caps.first_cap_exceeded(states, spent, amount, NOON)
    alone = [caps.first_cap_exceeded([state], spent, amount, NOON) for state in states]

    assert (together is None) is all(each is None for each in alone)


@given(_STATES, _SPENT, st.lists(st.integers(1, 100_000), max_size=12))
def test_debits_that_pass_never_bring_a_window_over_its_cap(
    states: list[State], spent: dict[caps.Window, int], amounts: list[int]
) -> None:
    counted: dict[caps.Window, int] = {
        (state.id, period, start): 0 for state in states for period, start in caps.windows_of(NOON)
    }

    for amount in amounts:
        if caps.first_cap_exceeded(states, counted, amount, NOON) is None:
            for window in counted:
                counted[window] += amount

    for state in states:
        if state.per_day_cents is not None:
            assert counted[state.id, "day", DAY] <= state.per_day_cents * 10_000
        if state.per_month_cents is not None:
            assert counted[state.id, "month", MONTH] <= state.per_month_cents * 10_000


async def loaded(database: Database, *windows: caps.Window) -> dict[caps.Window, int]:
    return await database.read(lambda tx: caps.load_windows(tx, windows))


Change = tuple[str, str, int, str, int]


async def add(database: Database, *changes: Change) -> None:
    await database.transaction(lambda tx: caps.add_windows(tx, changes))


async def test_deltas_are_added_to_their_windows(database: Database) -> None:
    day, other = ("key_1", "day", DAY), ("key_2", "month", MONTH)

    await add(database, (*day, "acc_1", 300), (*other, "acc_1", 5), (*day, "acc_1", 40))
    await add(database, (*day, "acc_1", -100), (*other, "acc_1", 1))

    assert await loaded(database, day, other, ("key_3", "day", DAY)) == {day: 240, other: 6}
    assert await loaded(database) == {}


async def test_no_window_goes_below_zero(database: Database) -> None:
    day = ("key_1", "day", DAY)
    await add(database, (*day, "acc_1", 10))

    await add(database, (*day, "acc_1", -11), ("key_2", "day", DAY, "acc_1", -5))

    assert await loaded(database, day, ("key_2", "day", DAY)) == {day: 0}


async def test_a_spend_and_its_refund_in_one_batch_leave_no_trace(database: Database) -> None:
    day = ("key_1", "day", DAY)
    await add(database, (*day, "acc_1", 10))

    await add(database, (*day, "acc_1", 7), (*day, "acc_1", -7))

    assert await loaded(database, day) == {day: 10}


async def test_a_window_gives_back_while_its_detail_is_written(database: Database) -> None:
    day, other = ("key_1", "day", DAY), ("key_2", "day", DAY)
    await add(database, (*day, "acc_1", 10), (*other, "acc_1", 10))

    async def both(tx: Transaction) -> None:
        changes = [(*day, "acc_1", -3), (*other, "acc_1", -4)]
        await caps.add_windows(tx, changes, {day: "{}"})

    await database.transaction(both)

    assert await loaded(database, day, other) == {day: 7, other: 6}


async def test_a_batch_of_any_size_is_two_statements_at_most(database: Database) -> None:
    changes = [(f"key_{n}", "day", DAY, "acc_1", n - 50) for n in range(100)]

    before = database.statements_run
    await add(database)
    nothing = database.statements_run - before
    before = database.statements_run
    await add(database, *changes)

    # On PostgreSQL both go with the commit's own row.
    more = 0 if isinstance(database, PostgresqlDatabase) else 2
    assert database.statements_run - before == nothing + more


async def test_parallel_debits_never_spend_more_than_the_cap(
    database: Database, clock: FixedClock
) -> None:
    # 50 debits of $1.00 against a cap of $20.00 a day, each deciding under the account's lock.
    state = State(per_day_cents=2000)
    window = ("key_1", "day", DAY)
    account_id = await database.transaction(
        lambda tx: create_account(tx, name="Shop", email=None, now_us=NOON)
    )

    async def debit(tx: Transaction) -> CapExceeded | None:
        await lock_tenants(tx, [Tenant(account_id, "live")])
        spent = await caps.load_windows(tx, [window])
        refused = caps.first_cap_exceeded([state], spent, 1_000_000, clock.now_us())
        if refused is None:
            await caps.add_windows(tx, [(*window, account_id, 1_000_000)])
        return refused

    outcomes = await asyncio.gather(*(database.transaction(debit) for _ in range(50)))

    assert sum(outcome is None for outcome in outcomes) == 20
    assert await loaded(database, window) == {window: 20_000_000}
