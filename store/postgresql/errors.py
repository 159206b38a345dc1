"""Map asyncpg's failures to store/errors.py: SQLSTATE and constraint, never a value."""

import asyncpg

from store.errors import (
    CommitUnknown,
    ConnectionLost,
    Contention,
    DataRefused,
    LockTimeout,
    StoreError,
    Unable,
)

CONNECTION_FAILURES = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    ConnectionError,
    TimeoutError,
    OSError,
)
_CONTENTION = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
_UNABLE = (
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
)
_REFUSED = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
)


def named(error: BaseException, *, is_committing: bool) -> BaseException:
    """Convert a driver's error to ours, with the SQLSTATE and the constraint."""
    if isinstance(error, asyncpg.LockNotAvailableError):
        return LockTimeout(error.sqlstate or "")
    if isinstance(error, _CONTENTION):
        return Contention(error.sqlstate or "")
    if isinstance(error, _REFUSED) or _is_unencodable(error):
        sqlstate = getattr(error, "sqlstate", None) or type(error).__name__
        return DataRefused(sqlstate, getattr(error, "constraint_name", None) or "")
    if isinstance(error, CONNECTION_FAILURES):
        kind = CommitUnknown if is_committing else ConnectionLost
        return kind(type(error).__name__)
    if isinstance(error, _UNABLE):
        return Unable(error.sqlstate or "")
    if isinstance(error, asyncpg.PostgresError):
        return StoreError(getattr(error, "sqlstate", None) or type(error).__name__)
    return error


def _is_unencodable(error: BaseException) -> bool:
    """Return whether the driver couldn't encode a value.

    That error has no public name. It is both a ValueError and an InterfaceError, as is the one for bad
    connection settings; any other InterfaceError means an unusable connection.
    """
    return isinstance(error, asyncpg.InterfaceError) and (
        isinstance(error, ValueError)
        and not isinstance(error, asyncpg.exceptions.ClientConfigurationError)
    )
