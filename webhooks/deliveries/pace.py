"""Limit how fast an endpoint is called: the generic cell rate algorithm on one number. Pure.

In any second at most per_second + a tenth of it pass, and exactly per_second if that is 10 or less.
webhooks/deliveries/claim.py stores the number, the theoretical arrival time in microseconds. Source: ITU-T
I.371, GCRA.
"""

from typing import NamedTuple

from kernel.clock import SECOND_US


class Pace(NamedTuple):
    """One delivery each interval_us, and `burst` at once after a rest."""

    interval_us: int
    burst: int

    def next_turn_us(self, tat_us: int) -> int:
        return tat_us - (self.burst - 1) * self.interval_us

    def take(self, tat_us: int, *, now_us: int, wanted: int) -> tuple[int, int]:
        """Return how many of `wanted` may go now, and the arrival time after them."""
        start_us = max(tat_us, now_us)
        room_us = now_us + (self.burst - 1) * self.interval_us - start_us
        if room_us < 0 or not wanted:
            return 0, tat_us
        count = min(wanted, room_us // self.interval_us + 1)
        return count, start_us + count * self.interval_us


def per_second(rate: int) -> Pace:
    """Return `rate` a second, evenly; a tenth of it may go together, so that fast paces claim in batches."""
    assert rate >= 1, "a pace is at least one a second"
    return Pace(interval_us=SECOND_US // rate, burst=max(1, rate // 10))


def slower(one: Pace, other: Pace) -> Pace:
    return Pace(max(one.interval_us, other.interval_us), min(one.burst, other.burst))
