"""Day."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from kernel.clock import HOUR_US, SECOND_US
from kernel.errors import InvalidInput

PAUSE_US = 20 * HOUR_US
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-/]{0,63}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """Return the zone of an IANA name such as Asia/Kuwait; raise InvalidInput."""
    if name == "UTC":
        return UTC
    try:
        if _NAME.fullmatch(name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise InvalidInput(
        "This isn't a time zone. Use one such as UTC or Asia/Kuwait.", param="time_zone"
    )


def day_of(at_us: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(at_us // SECOND_US, zone).date()


def start_of(day: date, zone: tzinfo) -> int:
    """Return the day's first moment there; if midnight is skipped, what follows it."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (midnight.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def next_at(last_day: date, last_at: int, zone: tzinfo) -> int:
    """Return when the next check-in may come; zone is the next one's. At least 20 hours pass, so a change of
    zone or a short day never makes two awards out of one day.
    """
    return max(start_of(last_day + timedelta(days=1), zone), last_at + PAUSE_US)


def streak_of(last_day: date | None, last_streak: int, day: date) -> int:
    follows = last_day is not None and last_day + timedelta(days=1) == day
    return last_streak + 1 if follows else 1
