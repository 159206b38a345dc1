import pytest
from hypothesis import given, strategies as st

from kernel.errors import InvalidInput
from webhooks.deliveries.message import (
    check_schedule,
    disable_reason,
    next_attempt_at_us,
    retry_after_at_us,
)
from webhooks.http.transport import is_delivered

# 2026-06-13T12:00:00.250Z
ENDED = 1_781_352_000_250_000
SECOND = 1_000_000
HOUR = 3_600_000_000
SEED = (0, 5, 30)


def after(
    attempts_made: int,
    *,
    status: int | None = 500,
    retry_after: str | None = None,
    schedule_s: tuple[int, ...] = SEED,
) -> int | None:
    return next_attempt_at_us(
        schedule_s=schedule_s,
        attempts_made=attempts_made,
        ended_at_us=ENDED,
        status=status,
        retry_after=retry_after,
    )


@pytest.mark.parametrize(
    ("schedule_s", "attempts_made", "wait_us"),
    [
        (SEED, 1, 5 * SECOND),
        (SEED, 2, 30 * SECOND),
        (SEED, 3, None),
        (SEED, 4, None),
        ((0,), 1, None),
        ((0, 0), 1, 0),
        ((10, 259_200), 1, 259_200 * SECOND),
    ],
)
def test_attempt_k_waits_its_entry_after_the_end_of_the_last(
    schedule_s: tuple[int, ...], attempts_made: int, wait_us: int | None
) -> None:
    expected = None if wait_us is None else ENDED + wait_us

    assert after(attempts_made, schedule_s=schedule_s) == expected


@pytest.mark.parametrize(
    ("status", "retry_after", "wait_us"),
    [
        (429, "60", 60 * SECOND),
        (503, "60", 60 * SECOND),
        (503, " 60 ", 60 * SECOND),
        # Earlier than the schedule: the schedule stands.
        (429, "1", 5 * SECOND),
        (429, "0", 5 * SECOND),
        # Other statuses do not get to say.
        (500, "60", 5 * SECOND),
        (301, "60", 5 * SECOND),
        (None, "60", 5 * SECOND),
        # One hour at most.
        (429, "3600", HOUR),
        (429, "3601", HOUR),
        (503, "9" * 60, HOUR),
        # 12:01:00 is 59.75 s after the end.
        (503, "Sat, 13 Jun 2026 12:01:00 GMT", 59_750_000),
        (503, "Saturday, 13-Jun-26 12:01:00 GMT", 59_750_000),
        (503, "Sat Jun 13 12:01:00 2026", 59_750_000),
        (503, "Sat, 13 Jun 2026 14:00:00 GMT", HOUR),
        (503, "Sat, 13 Jun 2020 12:01:00 GMT", 5 * SECOND),
        # What cannot be read is not there.
        (503, "", 5 * SECOND),
        (503, "soon", 5 * SECOND),
        (503, "-60", 5 * SECOND),
        (503, "60.5", 5 * SECOND),
        (503, "٦٠", 5 * SECOND),
        (503, "9" * 6000, 5 * SECOND),
        (503, "Sat, 99 Jun 2026 12:01:00 GMT", 5 * SECOND),
        (503, "Sat, 13 Jun 2026 12:01:00 +9999999", 5 * SECOND),
        (503, "Sat, 13 Jun 99999 12:01:00 GMT", 5 * SECOND),
    ],
)
def test_retry_after_is_honoured_when_later_up_to_an_hour(
    status: int | None, retry_after: str, wait_us: int
) -> None:
    assert after(1, status=status, retry_after=retry_after) == ENDED + wait_us


def test_schedule_longer_than_an_hour_is_not_shortened_by_the_cap() -> None:
    assert after(1, status=429, retry_after="99999", schedule_s=(0, 7200)) == ENDED + 2 * HOUR


def test_retry_after_does_not_add_attempts() -> None:
    assert after(3, status=429, retry_after="60") is None


@given(st.text(max_size=80), st.sampled_from([None, 200, 410, 429, 500, 503]))
def test_next_attempt_is_between_the_schedule_and_an_hour(
    retry_after: str, status: int | None
) -> None:
    at_us = after(1, status=status, retry_after=retry_after)

    assert at_us is not None
    assert ENDED + 5 * SECOND <= at_us <= ENDED + HOUR


@given(st.text(max_size=80))
def test_no_header_text_raises(text: str) -> None:
    at_us = retry_after_at_us(text, received_at_us=ENDED)

    assert at_us is None or isinstance(at_us, int)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert is_delivered(status)


@pytest.mark.parametrize("status", [None, 199, 300, 302, 404, 500])
def test_anything_else_is_not_delivered(status: int | None) -> None:
    assert not is_delivered(status)


def test_only_410_disables() -> None:
    assert disable_reason(410, {}) == "gone"
    assert disable_reason(404, {}) is None
    assert disable_reason(None, {}) is None


@pytest.mark.parametrize("schedule_s", [[0], [0, 5, 30], [259_200] * 20])
def test_schedule_within_the_limits_is_accepted(schedule_s: list[int]) -> None:
    assert check_schedule(schedule_s) == tuple(schedule_s)


@pytest.mark.parametrize(
    "schedule_s", [[], [0] * 21, [-1], [259_201], [True], [0.5], ["5"], [None]]
)
def test_schedule_outside_the_limits_is_refused(schedule_s: list[int]) -> None:
    with pytest.raises(InvalidInput):
        check_schedule(schedule_s)
