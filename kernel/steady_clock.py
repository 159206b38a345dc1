"""A clock that a jump of the machine's time does not reach: an offset on a clock that only counts.

Promise: between two readings it never goes back, and it differs from true elapsed time by SLEW_PARTS
at most, whatever it is told: a correction is spread over time, so that nothing falls due all at once.
"""

import time
from collections.abc import Callable
from typing import Final

from kernel.clock import Clock

# A correction is made at one part in so many: a second in ten.
SLEW_PARTS: Final = 10


def monotonic_us() -> int:
    """Microseconds since the machine was started, sleep included where the system counts it."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


class SteadyClock:
    """Reads `wall` once, and then counts; `correct` is the only way to tell it another time."""

    def __init__(self, wall: Clock, monotonic_us: Callable[[], int] = monotonic_us) -> None:
        self._monotonic_us = monotonic_us
        self._since_us = monotonic_us()
        self._offset_us = wall.now_us() - self._since_us
        self._left_us = 0  # what is still to be corrected, as of since_us
        self._last_us = 0

    def now_us(self) -> int:
        counted_us = self._monotonic_us()
        now_us = counted_us + self._offset_us + self._corrected_us(counted_us)
        # Two threads may read at once; neither is told a time before the one that it had.
        self._last_us = now_us = max(now_us, self._last_us)
        return now_us

    def begin(self, true_us: int, at_monotonic_us: int) -> None:
        """It was true_us at that count: from now on, and at once. For before its first use."""
        self._offset_us, self._since_us = true_us - at_monotonic_us, at_monotonic_us
        self._left_us = self._last_us = 0

    def correct(self, true_us: int, at_monotonic_us: int) -> int:
        """It was true_us at that count: moves there slowly. Returns how far it is off."""
        now_us = self._monotonic_us()
        self._offset_us += self._corrected_us(now_us)
        self._since_us = now_us
        self._left_us = true_us - at_monotonic_us - self._offset_us
        return self._left_us

    def _corrected_us(self, counted_us: int) -> int:
        may_us = max(0, counted_us - self._since_us) // SLEW_PARTS
        return max(-may_us, min(self._left_us, may_us))
