"""When a limit will be used up, if what was spent so far goes on at the same pace. Pure.

The pace is what was spent, over the time in which it was spent: the day or month so far, the key's life, a
rolling window or as much of one as the key has lived. It is never worked out from less than an hour, or
than a window that is shorter: one send right after midnight tells nothing about a day.
"""

from typing import Final

from billing.engine.limit import LimitView
from kernel.clock import HOUR_US, SECOND_US, day_start_us, month_start_us
from keys.counter import HOUR_S, SECONDS_OF

_LEAST_US: Final = HOUR_US


def used_up_at(limit: LimitView, *, key_created_at: int, now_us: int) -> int | None:
    """Microseconds; now_us where nothing is left, None where it lasts: until it is free again, or for as
    long as nothing is spent. key_created_at and now_us: by the account's own clock.
    """
    if limit.remaining == 0:
        return now_us
    if limit.spent == 0:
        return None
    begun, ends = _period(limit, key_created_at, now_us)
    elapsed = max(now_us - begun, min(_LEAST_US, _length(limit)))
    at = now_us + -(-limit.remaining * elapsed // limit.spent)
    return at if ends is None or at < ends else None


def _period(limit: LimitView, created_at: int, now_us: int) -> tuple[int, int | None]:
    """Since when what was spent is counted, and when room comes back by itself; None: it never does."""
    match limit.cap:
        case "per_day":
            return day_start_us(now_us), limit.resets_at
        case "per_month":
            return month_start_us(now_us), limit.resets_at
        case "lifetime":
            return created_at, None
    # What was spent at the beginning of a rolling window leaves it as it goes on.
    begun = max(created_at, now_us - _length(limit))
    return begun, begun + _length(limit)


def _length(limit: LimitView) -> int:
    """Of a rolling window, in microseconds; of any other limit, more than the least time."""
    seconds = limit.seconds or SECONDS_OF.get(limit.cap.rpartition("_per_")[2], HOUR_S)
    return seconds * SECOND_US
