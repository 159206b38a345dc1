from hypothesis import given, strategies as st

from webhooks.deliveries.endpoint_queue import SANDBOX_PACE, Pace, per_second, slower

SECOND_US = 1_000_000


def test_ten_a_second_are_one_each_tenth_of_a_second() -> None:
    pace = per_second(10)

    count, tat_us = pace.take(0, now_us=5 * SECOND_US, wanted=3)

    assert (count, tat_us) == (1, 5_100_000)
    assert pace.next_turn_us(tat_us) == 5_100_000
    assert pace.take(tat_us, now_us=5_099_999, wanted=1) == (0, 5_100_000)
    assert pace.take(tat_us, now_us=5_100_000, wanted=1) == (1, 5_200_000)


def test_nothing_wanted_moves_nothing() -> None:
    assert per_second(10).take(7, now_us=5 * SECOND_US, wanted=0) == (0, 7)


def test_a_hundred_a_second_go_ten_at_a_time() -> None:
    pace = per_second(100)

    count, tat_us = pace.take(0, now_us=SECOND_US, wanted=50)

    assert (count, tat_us) == (10, 1_100_000)
    assert pace.next_turn_us(tat_us) == 1_010_000


def test_the_slower_of_two_exceeds_neither() -> None:
    assert slower(Pace(100, 5), Pace(400, 9)) == Pace(400, 5)


def test_a_sandbox_account_with_two_endpoints_has_sixty_a_minute() -> None:
    in_a_minute = 60 * SECOND_US // SANDBOX_PACE.interval_us + SANDBOX_PACE.burst

    assert in_a_minute == 30


@given(
    rate=st.integers(1, 500),
    waits_us=st.lists(st.integers(0, 300_000), max_size=60),
    wanted=st.integers(1, 100),
)
def test_no_second_sees_more_than_the_rate_and_its_tenth(
    rate: int, waits_us: list[int], wanted: int
) -> None:
    pace = per_second(rate)
    tat_us, now_us = 0, 10 * SECOND_US
    let_through: list[int] = []
    for wait_us in waits_us:
        now_us += wait_us
        count, tat_us = pace.take(tat_us, now_us=now_us, wanted=wanted)
        let_through += [now_us] * count

    # An interval is cut to whole microseconds, which at 500 a second is off by less than one.
    burst = max(1, rate // 10)
    for at_us in let_through:
        in_second = sum(1 for other in let_through if at_us <= other < at_us + SECOND_US)
        assert in_second <= rate + burst
