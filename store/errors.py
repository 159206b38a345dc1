"""How the database can fail, in messages without values (drivers print values; we don't).

StoreError
|- Contention          a deadlock, a serialization failure or a busy file; the same work may succeed
|  `- LockTimeout      another transaction held a row for longer than this work may wait
|- Unable              a time-out, a full disk, a read-only server; no row and no statement is at fault
|- DataRefused         a constraint or a type refused a row; the same work fails again
|- ConnectionLost      the connection died before COMMIT was sent; nothing was stored
`- CommitUnknown       the connection died around COMMIT; only a look at the rows can tell
"""


class StoreError(Exception):
    """Carries only the SQLSTATE or SQLite name and the constraint."""

    def __init__(self, code: str, constraint: str = "") -> None:
        super().__init__(f"{code} {constraint}".strip())
        self.code = code
        self.constraint = constraint


class Contention(StoreError):
    pass


class LockTimeout(Contention):
    pass


class Unable(StoreError):
    pass


class DataRefused(StoreError):
    pass


class ConnectionLost(StoreError):
    pass


class CommitUnknown(StoreError):
    pass


class BackupRefused(Exception):
    """A copy can't be taken or restored. The message never holds a password."""


def check_touched(touched: int, expected: int) -> None:
    """Raise StoreError unless a statement changed the rows that were read under a lock."""
    if touched != expected:
        raise StoreError("rows", f"{touched} touched, not {expected}")
