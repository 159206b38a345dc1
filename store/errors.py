"""Define the errors that a database call can raise. Unlike drivers' messages, these errors contain no values.

StoreError
|- Contention          a deadlock, a serialization failure or a busy file; a retry may succeed
|  `- LockTimeout      another transaction kept a row locked for longer than the work may wait
|- Unable              a time-out, a full disk or a read-only server; the statement isn't at fault
|- DataRefused         a constraint or a type refused a row; a retry fails again
|- ConnectionLost      the connection was lost before COMMIT was sent; nothing was stored
`- CommitUnknown       the connection was lost around COMMIT; only the rows show the outcome
"""

from enum import StrEnum


class StoreError(Exception):
    """An error that contains only the database's error code and the name of a constraint."""

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
    """A copy can't be taken or restored. The message never contains a password."""


class Fault(StrEnum):
    URL_UNREADABLE = "url_unreadable"
    PORT_NO_NUMBER = "port_no_number"
    HOST_UNKNOWN = "host_unknown"
    PORT_CLOSED = "port_closed"
    NO_ANSWER = "no_answer"
    NO_POSTGRESQL = "no_postgresql"
    NO_SUCH_SERVER = "no_such_server"
    TLS_MISSING = "tls_missing"
    TLS_REQUIRED = "tls_required"
    TLS_UNTRUSTED = "tls_untrusted"
    PASSWORD_WRONG = "password_wrong"  # noqa: S105 no password
    ROLE_UNKNOWN = "role_unknown"
    DATABASE_UNKNOWN = "database_unknown"
    # No line of pg_hba.conf lets the role connect, or the role lacks CONNECT.
    NOT_LET_IN = "not_let_in"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    NOT_READY = "not_ready"
    # A pooler runs in transaction mode, which migrations can't use.
    POOLER_SHARES_SESSIONS = "pooler_shares_sessions"
    OLD_PRIMARY = "old_primary"
    TWO_PRIMARIES = "two_primaries"
    WENT_BACK = "went_back"
    FOLDER_MISSING = "folder_missing"
    FILE_MISSING = "file_missing"
    NOT_WRITABLE = "not_writable"
    NO_SQLITE = "no_sqlite"
    LOCKED = "locked"
    FILE_REPLACED = "file_replaced"
    SCHEMA_MISSING = "schema_missing"
    NOT_OURS = "not_ours"
    SCHEMA_OLD = "schema_old"
    SCHEMA_NEW = "schema_new"
    SCHEMA_DIFFERS = "schema_differs"
    NOT_PERMITTED = "not_permitted"
    TABLE_BUSY = "table_busy"


class CannotOpen(ConnectionLost):
    """No connection can be opened. `subject` is a host, a role or a file, but never a password."""

    def __init__(self, fault: Fault, code: str, subject: str = "") -> None:
        super().__init__(code)
        self.fault = fault
        self.subject = subject
