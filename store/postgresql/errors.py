"""Translate asyncpg's errors into our own (store/errors.py). Ours have a SQLSTATE and a constraint, but no row values.

A server's messages may be in any language. So an error's code explains why a connection can't be opened. If a code
has several causes, the server function's name tells them apart.
"""

import os
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from store.errors import (
    CannotOpen,
    CommitUnknown,
    ConnectionLost,
    Contention,
    DataRefused,
    Fault,
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

    That error has no public class. It shares its base classes with the error for wrong connection settings.
    """
    return isinstance(error, asyncpg.InterfaceError) and (
        isinstance(error, ValueError)
        and not isinstance(error, asyncpg.exceptions.ClientConfigurationError)
    )


_PORT = re.compile(r":(?!\d*$)[^\]]*$")
_UNREADABLE = (asyncpg.exceptions.ClientConfigurationError, ValueError, TypeError)
_PORT_MAX: Final = 65_535
# Narrower classes come first. Any other OSError means that the address refuses the connection or can't be reached.
_BY_CLASS: Final[tuple[tuple[type[BaseException], Fault], ...]] = (
    (asyncpg.exceptions.TargetServerAttributeNotMatched, Fault.NO_SUCH_SERVER),
    (asyncpg.InvalidPasswordError, Fault.PASSWORD_WRONG),
    (asyncpg.InvalidCatalogNameError, Fault.DATABASE_UNKNOWN),
    (asyncpg.InsufficientPrivilegeError, Fault.NOT_LET_IN),
    (asyncpg.TooManyConnectionsError, Fault.TOO_MANY_CONNECTIONS),
    (asyncpg.UndefinedObjectError, Fault.URL_UNREADABLE),
    (asyncpg.InvalidParameterValueError, Fault.URL_UNREADABLE),
    (asyncpg.CantChangeRuntimeParamError, Fault.URL_UNREADABLE),
    (asyncpg.CannotConnectNowError, Fault.NOT_READY),
    (asyncpg.AdminShutdownError, Fault.NOT_READY),
    (asyncpg.CrashShutdownError, Fault.NOT_READY),
    (socket.gaierror, Fault.HOST_UNKNOWN),
    (ssl.SSLError, Fault.TLS_UNTRUSTED),
    (TimeoutError, Fault.NO_ANSWER),
    (asyncpg.ConnectionDoesNotExistError, Fault.NO_POSTGRESQL),
    (asyncpg.PostgresError, Fault.NOT_LET_IN),
    (asyncpg.InternalClientError, Fault.NO_POSTGRESQL),
    (ConnectionResetError, Fault.NO_POSTGRESQL),
    (OSError, Fault.PORT_CLOSED),
)


@dataclass(frozen=True, slots=True)
class UrlParts:
    hosts: str
    role: str
    database: str
    tls: str

    @property
    def asks_for_tls(self) -> bool:
        return self.tls not in {"disable", "allow", "prefer"}

    @property
    def has_port_too_high(self) -> bool:
        ports = (host.rpartition(":")[2] for host in self.hosts.split(","))
        return any(port.isdecimal() and int(port) > _PORT_MAX for port in ports)

    @property
    def is_socket(self) -> bool:
        """Return whether the server may be reached through a socket file, the default for a URL without a host."""
        return not self.hosts or any(host.startswith("/") for host in self.hosts.split(","))

    @classmethod
    def of(cls, url: str) -> "UrlParts":
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        if "@" in parts.path or "@" in parts.fragment:
            # If the password isn't escaped, the parts of the URL can't be separated.
            return cls("", "", "", "")
        given = {name: values[-1] for name, values in query.items()}
        login, _, hosts = parts.netloc.rpartition("@")
        role = unquote(login.partition(":")[0]) or given.get("user", "")
        database = unquote(parts.path.removeprefix("/"))
        return cls(
            hosts=unquote(hosts) or given.get("host", "") or os.environ.get("PGHOST", ""),
            role=role or os.environ.get("PGUSER", ""),
            database=database or given.get("dbname", given.get("database", "")) or role,
            tls=given.get("sslmode", os.environ.get("PGSSLMODE", "prefer")),
        )


def cannot_open(error: Exception, url: str) -> CannotOpen | None:
    try:
        address = UrlParts.of(url)
    except ValueError:
        address = UrlParts("", "", "", "")
    fault = _fault(error, address)
    if fault is None:
        return None
    subject = {
        Fault.PASSWORD_WRONG: address.role,
        Fault.ROLE_UNKNOWN: address.role,
        Fault.DATABASE_UNKNOWN: address.database,
        Fault.URL_UNREADABLE: "",
    }.get(fault, address.hosts)
    return CannotOpen(fault, getattr(error, "sqlstate", None) or type(error).__name__, subject)


def _fault(error: Exception, address: UrlParts) -> Fault | None:
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError) and not isinstance(
        error, asyncpg.InvalidPasswordError
    ):
        return _refused(error, address)
    if isinstance(error, ConnectionError) and "SSL upgrade" in str(error):
        # The driver has no class for this error. If the URL doesn't require TLS, whatever responded isn't PostgreSQL.
        return Fault.TLS_MISSING if address.asks_for_tls else Fault.NO_POSTGRESQL
    if isinstance(error, asyncpg.InterfaceError) and "password" in str(error):
        return Fault.PASSWORD_WRONG
    if isinstance(error, (OverflowError, OSError)) and address.has_port_too_high:
        return Fault.PORT_NO_NUMBER
    if isinstance(error, FileNotFoundError) and not address.is_socket:
        return Fault.TLS_UNTRUSTED
    for kind, fault in _BY_CLASS:
        if isinstance(error, kind):
            return fault
    if isinstance(error, _UNREADABLE):
        if isinstance(error, asyncpg.exceptions.ClientConfigurationError) and (
            address.tls.startswith("verify")
        ):
            return Fault.TLS_UNTRUSTED
        is_port = any(_PORT.search(host) for host in address.hosts.split(","))
        return Fault.PORT_NO_NUMBER if is_port else Fault.URL_UNREADABLE
    return None


def _refused(error: asyncpg.InvalidAuthorizationSpecificationError, address: UrlParts) -> Fault:
    """Return the fault for code 28000: the role is unknown, or no line of pg_hba.conf matches."""
    if error.server_source_function == "ClientAuthentication":
        return Fault.TLS_REQUIRED if address.tls in {"disable", "allow"} else Fault.NOT_LET_IN
    return Fault.ROLE_UNKNOWN
