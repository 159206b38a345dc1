"""How the database can fail, in words that hold no values (drivers print them; we do not).

StoreError
|- Contention          a deadlock, a serialization failure or a busy file; the same work may succeed
|  `- LockTimeout      somebody held a row for longer than this work may wait for it
|- Unable              a time-out, a full disk, a read-only server; no row and no statement is at fault
|- DataRefused         a constraint or a type refused a row; the same work fails again
|- ConnectionLost      the connection died before COMMIT was sent; nothing was kept
`- CommitUnknown       the connection died around COMMIT; only a look at the rows can tell
"""


class StoreError(Exception):
    """A failure of the database; carries the SQLSTATE or SQLite name and the constraint only."""

    def __init__(self, code: str, constraint: str = "") -> None:
        super().__init__(f"{code} {constraint}".strip())
        self.code = code
        self.constraint = constraint


class Contention(StoreError):
    """Another transaction was in the way; run the whole work again."""


class LockTimeout(Contention):
    """Somebody else held a row for longer than this work may wait for it."""


class Unable(StoreError):
    """The database cannot do it now, whatever the rows: too slow, full, read-only, shutting down."""


class DataRefused(StoreError):
    """A row broke a constraint or a type; running it again fails again."""


class ConnectionLost(StoreError):
    """The database went away before COMMIT was sent."""


class CommitUnknown(StoreError):
    """The database went away while COMMIT was under way."""


class BackupRefused(Exception):
    """A copy cannot be taken or put back; the text says why, and never holds a password."""


def check_touched(touched: int, expected: int) -> None:
    """Raises StoreError where a statement met other rows than those that were read under a lock."""
    if touched != expected:
        raise StoreError("rows", f"{touched} touched, not {expected}")
