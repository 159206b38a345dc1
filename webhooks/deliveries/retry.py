"""Decide when a delivery is tried again, from the schedule and the receiver's response. Pure.

Attempt k waits schedule_s[k-1] after the end of attempt k-1; a Retry-After of a 429 or 503 moves it later, up
to one hour.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import InvalidInput

SCHEDULE_S_DEFAULT = (0, 5, 30)
SCHEDULE_ENTRIES_MAX = 20
SCHEDULE_WAIT_S_MAX = 3 * DAY_US // SECOND_US
RETRY_AFTER_US_MAX = HOUR_US
LOST_WAIT_US = MINUTE_US
LOST_WAIT_US_MAX = HOUR_US
CONTROL_HEADER = "webhook-delivery"
ABORT = "abort-message"
DISABLE = "disable"
GONE = "gone"  # why an endpoint is disabled: it answered 410
ASKED = "asked"  # or said so in the control header
_RETRY_AFTER_CHARACTERS_MAX = 64
_RETRY_AFTER_STATUSES = frozenset({429, 503})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def disable_reason(status: int | None, headers: Mapping[str, str]) -> str | None:
    """Return why the receiver's response disables its endpoint, GONE or ASKED, or None.

    The header may come with any status, also a success, as hosted services read it.
    """
    if status == 410:
        return GONE
    return ASKED if _control(headers) == DISABLE else None


def aborts_delivery(headers: Mapping[str, str]) -> bool:
    """Return whether the receiver wants no other attempt. It changes no success."""
    return _control(headers) == ABORT


def check_schedule(schedule_s: Sequence[int]) -> tuple[int, ...]:
    """Raise InvalidInput unless the schedule has 1 to 20 waits of 0 s to 3 days each."""
    if not 1 <= len(schedule_s) <= SCHEDULE_ENTRIES_MAX:
        raise InvalidInput(
            f"A schedule has 1 to {SCHEDULE_ENTRIES_MAX} entries.", param="retry_schedule_s"
        )
    for wait_s in schedule_s:
        # bool is an int to Python.
        if type(wait_s) is not int or not 0 <= wait_s <= SCHEDULE_WAIT_S_MAX:
            raise InvalidInput(
                f"Each wait is a whole number of seconds from 0 to {SCHEDULE_WAIT_S_MAX}.",
                param="retry_schedule_s",
            )
    return tuple(schedule_s)


def next_attempt_at_us(
    *,
    schedule_s: Sequence[int],
    attempts_made: int,
    ended_at_us: int,
    status: int | None,
    retry_after: str | None,
) -> int | None:
    """Return when to try again after a failed attempt, or None once the schedule is spent.

    attempts_made counts the one that just ended. status is None without a response; retry_after is the header
    as received.
    """
    assert attempts_made >= 1, "the first attempt is due as its event is published"
    if attempts_made >= len(schedule_s):
        return None
    scheduled_at_us = ended_at_us + schedule_s[attempts_made] * SECOND_US
    if status not in _RETRY_AFTER_STATUSES or retry_after is None:
        return scheduled_at_us
    asked_at_us = retry_after_at_us(retry_after, received_at_us=ended_at_us)
    if asked_at_us is None:
        return scheduled_at_us
    return max(scheduled_at_us, min(asked_at_us, ended_at_us + RETRY_AFTER_US_MAX))


def after_lost_at_us(
    *, schedule_s: Sequence[int], attempts_made: int, lost_at_us: int
) -> int | None:
    """Return when to try again after an attempt was lost with its worker, or None once the schedule is spent.

    At least a minute, twice as long with each attempt, up to an hour: what kills workers again and again gets
    time.
    """
    next_at_us = next_attempt_at_us(
        schedule_s=schedule_s,
        attempts_made=attempts_made,
        ended_at_us=lost_at_us,
        status=None,
        retry_after=None,
    )
    if next_at_us is None:
        return None
    wait_us = min(LOST_WAIT_US << (attempts_made - 1), LOST_WAIT_US_MAX)
    return max(next_at_us, lost_at_us + wait_us)


def _control(headers: Mapping[str, str]) -> str:
    return headers.get(CONTROL_HEADER, "").strip().lower()


def retry_after_at_us(text: str, *, received_at_us: int) -> int | None:
    """Return the moment that a Retry-After header names, uncapped; None if it can't be read.

    Accepts seconds and an HTTP date (also the two obsolete forms). Source: RFC 9110, 10.2.3 and 5.6.7.
    """
    value = text.strip()
    if len(value) > _RETRY_AFTER_CHARACTERS_MAX or not value.isascii():
        return None
    if value.isdigit():
        return received_at_us + int(value) * SECOND_US
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError, OverflowError):
        return None
