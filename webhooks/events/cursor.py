"""Represent a position in an account's events: a number, and the epoch of the database that assigned it.

A reader that continues from a cursor either misses no event or gets an error. Restoring a backup starts a new
epoch, because the restored database assigns the same numbers to other events.
"""

from typing import Final, NamedTuple

from kernel.errors import InvalidInput, UnknownCursor
from store.database import Transaction

BEGINNING: Final = "0"  # A cursor for the oldest stored event, in any epoch.
_DIGITS_MAX: Final = 18


class EventCursor(NamedTuple):
    """A position in the event log. The epoch is None if no event has been read."""

    epoch: int | None
    event_no: int

    def text(self) -> str:
        return BEGINNING if self.epoch is None else f"{self.epoch}-{self.event_no}"


START: Final = EventCursor(None, 0)


class CursorRefused(InvalidInput):
    def __init__(self, detail: str, *, param: str, reason: str, oldest: EventCursor | None) -> None:
        super().__init__(detail, param=param)
        self.reason = reason
        if oldest is not None:
            self.extra["oldest_cursor"] = oldest.text()


def event_cursor(text: str | None, param: str = "cursor") -> EventCursor | None:
    """Parse a cursor. Raise UnknownCursor if it isn't valid, and CursorRefused if it has no epoch."""
    if text is None:
        return None
    if text == BEGINNING:
        return START
    epoch, dash, number = text.partition("-")
    parts = (epoch, number) if dash else (epoch,)
    if not all(part.isascii() and part.isdigit() and len(part) <= _DIGITS_MAX for part in parts):
        raise UnknownCursor(param)
    if not dash:
        raise CursorRefused(
            "This isn't a complete cursor. Start with 0, the oldest stored event, and then use "
            "each `next_cursor` unchanged.",
            param=param,
            reason="cursor_without_epoch",
            oldest=None,
        )
    return EventCursor(int(epoch), int(number))


def check(cursor: EventCursor, *, epoch: int, oldest_no: int, last_no: int, param: str) -> int:
    """Return the number of the event to continue after. Raise CursorRefused if events would be skipped."""
    before_oldest = EventCursor(epoch, oldest_no - 1)
    if cursor.epoch is None:
        return before_oldest.event_no
    if cursor.epoch != epoch:
        raise CursorRefused(
            "The cursor is from before the database was restored from a backup. Events "
            "after that backup are lost, and their numbers were reused. Continue from "
            "`oldest_cursor`, and skip events whose IDs you know. The newest event is "
            f"{EventCursor(epoch, last_no).text()}.",
            param=param,
            reason="cursor_from_before_restore",
            oldest=before_oldest,
        )
    if cursor.event_no > last_no:
        raise CursorRefused(
            f"No event has this number yet. The newest event is {last_no}. The cursor may "
            "belong to another environment or installation.",
            param=param,
            reason="cursor_ahead",
            oldest=before_oldest,
        )
    if cursor.event_no < before_oldest.event_no:
        raise CursorRefused(
            f"Events {cursor.event_no + 1} to {before_oldest.event_no} are no longer "
            "stored. Check the lists of top-ups and orders instead, then continue from "
            "`oldest_cursor`.",
            param=param,
            reason="cursor_expired",
            oldest=before_oldest,
        )
    return cursor.event_no


async def renew(tx: Transaction, *, epoch: int) -> None:
    """Set a new epoch, so that all earlier cursors are refused. Run this only while nothing is using the database."""
    await tx.execute("UPDATE account_environments SET event_epoch = :epoch", epoch=epoch)
