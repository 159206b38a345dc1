"""Lay out steps in time as bars. The axis is logarithmic from one millisecond on; bars are in hundredths of
its width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Final

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

WIDTH: Final = 100.0
LEAST_WIDTH: Final = 1.2
_MS_US: Final = 1000
_TICKS: Final = (
    10 * _MS_US,
    100 * _MS_US,
    SECOND_US,
    10 * SECOND_US,
    MINUTE_US,
    10 * MINUTE_US,
    HOUR_US,
    10 * HOUR_US,
    DAY_US,
    10 * DAY_US,
    100 * DAY_US,
    1000 * DAY_US,
)
# The width of an axis' word on a phone.
_TICK_WIDTH: Final = 16.0


@dataclass(frozen=True, slots=True)
class Stretch:
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Axis:
    begin_us: int
    length_us: int

    def bar(self, at_us: int, until_us: int) -> Stretch:
        left, right = self._place(at_us - self.begin_us), self._place(until_us - self.begin_us)
        width = max(right - left, LEAST_WIDTH)
        return Stretch(round(min(left, WIDTH - width), 2), round(width, 2))

    def ticks(self) -> Sequence[tuple[float, int]]:
        found: list[tuple[float, int]] = []
        for time_us in _TICKS:
            place = self._place(time_us)
            room = place - (found[-1][0] if found else 0)
            if (
                time_us <= self.length_us
                and room >= _TICK_WIDTH
                and place <= WIDTH - _TICK_WIDTH / 2
            ):
                found.append((round(place, 2), time_us))
        return found

    def _place(self, since_us: int) -> float:
        whole = _weight(max(self.length_us, _MS_US))
        return WIDTH * min(_weight(max(since_us, 0)) / whole, 1.0)


def axis_of(times_us: Sequence[int]) -> Axis:
    begin_us = min(times_us)
    return Axis(begin_us, max(times_us) - begin_us)


def _weight(microseconds: int) -> float:
    return log10(1 + microseconds / _MS_US)
