"""When a limit will be used up at the pace so far, worked out by hand and for any figures."""

import pytest
from hypothesis import given, strategies as st

from billing.engine.limit import Cap, LimitView
from billing.reports.key_spend import used_up_at
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, parse_rfc3339
from keys.mandate import unit_of

NOW = parse_rfc3339("2026-03-11T06:00:00Z")
MIDNIGHT = parse_rfc3339("2026-03-12T00:00:00Z")
APRIL = parse_rfc3339("2026-04-01T00:00:00Z")


def limit(
    cap: Cap,
    spent: int,
    most: int = 10_000,
    *,
    seconds: int | None = None,
    resets_at: int | None = None,
) -> LimitView:
    return LimitView(
        cap=cap,
        key_id="key_1",
        unit=unit_of(cap),
        seconds=seconds,
        limit=most,
        spent=spent,
        remaining=max(0, most - spent),
        resets_at=resets_at,
    )


@pytest.mark.parametrize(
    ("seen", "created_at", "wanted"),
    [
        # $40 in the day's first six hours: the other $60 in nine more.
        (limit("per_day", 4_000, resets_at=MIDNIGHT), 0, NOW + 9 * HOUR_US),
        # $20 in six hours is $80 by midnight, when all of it is free again.
        (limit("per_day", 2_000, resets_at=MIDNIGHT), 0, None),
        # Exactly at midnight is not before it.
        (limit("per_day", 2_500, resets_at=MIDNIGHT), 0, None),
        # Ten days and six hours of March for $50: as long again is before April.
        (limit("per_month", 5_000, resets_at=APRIL), 0, NOW + 246 * HOUR_US),
        # Four days of its life for a quarter: three times as long.
        (limit("lifetime", 2_500), NOW - 4 * DAY_US, NOW + 12 * DAY_US),
        # A minute of its life counts as an hour: one more for the other half.
        (limit("lifetime", 5_000), NOW - MINUTE_US, NOW + HOUR_US),
        # A key of two days in a window of seven: two more, while all of it still counts.
        (limit("window", 5_000, seconds=604_800), NOW - 2 * DAY_US, NOW + 2 * DAY_US),
        # One that is older than its window loses as much as it spends.
        (limit("window", 9_000, seconds=604_800), NOW - 8 * DAY_US, None),
        (limit("sends_per_hour", 9, 10), NOW - DAY_US, None),
        (limit("per_day", 0, resets_at=MIDNIGHT), 0, None),
        (limit("per_day", 10_000, resets_at=MIDNIGHT), 0, NOW),
        (limit("lifetime", 12_000), NOW, NOW),
        (limit("per_day", 0, 0, resets_at=MIDNIGHT), 0, NOW),
    ],
)
def test_a_limit_is_used_up_when_the_pace_so_far_says(
    seen: LimitView, created_at: int, wanted: int | None
) -> None:
    assert used_up_at(seen, key_created_at=created_at, now_us=NOW) == wanted


@given(
    most=st.integers(1, 10**12),
    share=st.integers(0, 10**12),
    more=st.integers(1, 10**9),
    age_us=st.integers(0, 400 * DAY_US),
)
def test_who_spends_more_is_never_told_a_later_time(
    most: int, share: int, more: int, age_us: int
) -> None:
    spent = min(share, most)
    slower, faster = (
        used_up_at(limit("lifetime", each, most), key_created_at=NOW - age_us, now_us=NOW)
        for each in (spent, min(most, spent + more))
    )

    assert faster is not None
    assert faster >= NOW
    assert slower is None or slower >= faster
    # At that moment the same pace has spent all of it, and a microsecond before it had not.
    if spent and spent < most and slower is not None:
        elapsed = max(age_us, HOUR_US)
        assert spent * (slower - NOW + elapsed) >= most * elapsed
        assert spent * (slower - NOW - 1 + elapsed) < most * elapsed
