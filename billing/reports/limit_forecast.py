"""Pace."""

from typing import Final

from billing.engine.limit import LimitView
from kernel.clock import HOUR_US, SECOND_US, day_start_us, month_start_us
from keys.caps import HOUR_S, SECONDS_OF

_LEAST_US: Final = HOUR_US


def used_up_at(limit: LimitView, *, key_created_at: int, now_us: int) -> int | None:
    """Return the time; now_us if nothing is left, None if it lasts. All by the account's own clock."""
    if limit.remaining == 0:
        return now_us
    if limit.spent == 0:
        return None
    begun, ends = _period(limit, key_created_at, now_us)
    elapsed = max(now_us - begun, min(_LEAST_US, _length(limit)))
    at = now_us + -(-limit.remaining * elapsed // limit.spent)
    return at if ends is None or at < ends else None


def _period(limit: LimitView, created_at: int, now_us: int) -> tuple[int, int | None]:
    match limit.cap:
        case "per_day":
            return day_start_us(now_us), limit.resets_at
        case "per_month":
            return month_start_us(now_us), limit.resets_at
        case "lifetime":
            return created_at, None
    # Early spending leaves a rolling window as it moves.
    begun = max(created_at, now_us - _length(limit))
    return begun, begun + _length(limit)


def _length(limit: LimitView) -> int:
    """Return a rolling window's length; any other limit's is more than the least time."""
    seconds = limit.seconds or SECONDS_OF.get(limit.cap.rpartition("_per_")[2], HOUR_S)
    return seconds * SECOND_US
