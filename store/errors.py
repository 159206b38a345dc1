"""How the database can fail, in messages without values (drivers print values; we don't).

StoreError
|- Contention          a deadlock, a serialization failure or a busy file; the same work may succeed
|  `- LockTimeout      another transaction held a row for longer than this work may wait
|- Unable              a time-out, a full disk, a read-only server; no row and no statement is at fault
|- DataRefused         a constraint or a type refused a row; the same work fails again
|- ConnectionLost      the connection died before COMMIT was sent; nothing was stored
`- CommitUnknown       the connection died around COMMIT; only the rows can tell
"""

from enum import StrEnum


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


class Fault(StrEnum):
    URL_UNREADABLE = "url_unreadable"
    PORT_NO_NUMBER = "port_no_number"
    HOST_UNKNOWN = "host_unknown"
    PORT_CLOSED = "port_closed"
    NO_ANSWER = "no_answer"
    NO_POSTGRESQL = "no_postgresql"
    NO_SUCH_SERVER = "no_such_server"  # no server matches target_session_attrs
    TLS_MISSING = "tls_missing"  # we want it and the server has none
    TLS_REQUIRED = "tls_required"  # the server wants it and the URL forbids it
    TLS_UNTRUSTED = "tls_untrusted"
    PASSWORD_WRONG = "password_wrong"  # noqa: S105 no password
    ROLE_UNKNOWN = "role_unknown"
    DATABASE_UNKNOWN = "database_unknown"
    NOT_LET_IN = "not_let_in"  # refused by pg_hba.conf, or no CONNECT privilege
    TOO_MANY_CONNECTIONS = "too_many_connections"
    NOT_READY = "not_ready"  # it starts, stops or recovers
    POOLER_SHARES_SESSIONS = "pooler_shares_sessions"  # a pooler in transaction mode
    OLD_PRIMARY = "old_primary"  # another server was promoted in its place
    TWO_PRIMARIES = "two_primaries"
    WENT_BACK = "went_back"  # it lacks acknowledged commits
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
    """No connection can be opened. subject is a host, a role or a file, never a password."""

    def __init__(self, fault: Fault, code: str, subject: str = "") -> None:
        super().__init__(code)
        self.fault = fault
        self.subject = subject
