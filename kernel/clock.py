"""Represent time as whole microseconds since the epoch, in UTC. Functions take the current time as an argument."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


class Clock(Protocol):
    def now_us(self) -> int: ...


class SystemClock:
    def now_us(self) -> int:
        return time.time_ns() // 1000


class FixedClock:
    """A clock that moves only when it is set, for tests and the sandbox."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def advance_s(self, seconds: float) -> None:
        self._now_us += round(seconds * SECOND_US)


def rfc3339(at_us: int) -> str:
    """Format a time as 2026-06-13T12:00:00Z, without its fraction of a second."""
    return datetime.fromtimestamp(at_us // SECOND_US, UTC).isoformat()[:19] + "Z"


def rfc3339_ms(at_us: int) -> str:
    """Format as 2026-06-13T12:00:00.123Z, truncated."""
    milliseconds = at_us // 1000 % 1000
    return f"{rfc3339(at_us)[:-1]}.{milliseconds:03d}Z"


def parse_rfc3339(text: str) -> int:
    """Parse a time. Raise ValueError if the text is malformed or has no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as Z")
    try:
        since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        # An example is 0001-01-01T00:00:00+14:00, which is before the year 1 in UTC.
        raise ValueError("a time from the year 1 to 9999 in UTC") from None
    return (since.days * 86_400 + since.seconds) * SECOND_US + since.microseconds


def moment_us(text: str) -> int:
    """Parse a time, a day (2026-11-01) or a month (2026-11). A day or month means its first moment in UTC."""
    beginning = {len("2026-11"): "-01T00:00:00Z", len("2026-11-01"): "T00:00:00Z"}
    return parse_rfc3339(text + beginning.get(len(text), ""))


def day_start_us(at_us: int) -> int:
    return at_us - at_us % DAY_US


def month_start_us(at_us: int) -> int:
    return _month_start_of_day(at_us // DAY_US)


@lru_cache(maxsize=64)
def _month_start_of_day(day: int) -> int:
    moment = datetime.fromtimestamp(day * DAY_US // SECOND_US, UTC)
    return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()) * SECOND_US


def next_month_start_us(at_us: int) -> int:
    return month_start_us(month_start_us(at_us) + 32 * DAY_US)


def time_of(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)
