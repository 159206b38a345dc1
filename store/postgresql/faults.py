"""Which fault keeps a connection to PostgreSQL from being opened.

The server's texts are in its own language, so its codes decide, and where one code has several
causes the name of the server's function that refused.
"""

import os
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from store.faults import CannotOpen, Fault

_PORT = re.compile(r":(?!\d*$)[^\]]*$")
_UNREADABLE = (asyncpg.exceptions.ClientConfigurationError, ValueError, TypeError)
# By class, the narrowest first. What is left of OSError is a refused or unreachable address.
_BY_CLASS: Final[tuple[tuple[type[BaseException], Fault], ...]] = (
    (asyncpg.exceptions.TargetServerAttributeNotMatched, Fault.NO_SUCH_SERVER),
    (asyncpg.InvalidPasswordError, Fault.PASSWORD_WRONG),
    (asyncpg.InvalidCatalogNameError, Fault.DATABASE_UNKNOWN),
    (asyncpg.InsufficientPrivilegeError, Fault.NOT_LET_IN),
    (asyncpg.TooManyConnectionsError, Fault.TOO_MANY_CONNECTIONS),
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
    """What a URL names; an empty string where it names none, or cannot be read."""

    hosts: str
    role: str
    database: str
    tls: str

    @classmethod
    def of(cls, url: str) -> "UrlParts":
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        if "@" in parts.path or "@" in parts.fragment:
            # A password with a mark that is not escaped: its parts lie anywhere.
            return cls("", "", "", "")
        given = {name: values[-1] for name, values in query.items()}
        login, _, hosts = parts.netloc.rpartition("@")
        role = unquote(login.partition(":")[0]) or given.get("user", "")
        database = unquote(parts.path.removeprefix("/"))
        return cls(
            hosts=hosts or given.get("host", "") or os.environ.get("PGHOST", ""),
            role=role or os.environ.get("PGUSER", ""),
            database=database or given.get("dbname", given.get("database", "")) or role,
            tls=given.get("sslmode", os.environ.get("PGSSLMODE", "prefer")),
        )


def cannot_open(error: Exception, url: str) -> CannotOpen | None:
    """The fault behind what the driver raised as it connected; None: no fault that is known."""
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
        # The driver's own words; it has no class for it.
        return Fault.TLS_MISSING
    if isinstance(error, asyncpg.InterfaceError) and "password" in str(error):
        # The server asked for one, and none is given anywhere.
        return Fault.PASSWORD_WRONG
    for kind, fault in _BY_CLASS:
        if isinstance(error, kind):
            return fault
    if isinstance(error, _UNREADABLE):
        if isinstance(error, asyncpg.exceptions.ClientConfigurationError) and (
            address.tls.startswith("verify")
        ):
            # The file of trusted certificates is missing.
            return Fault.TLS_UNTRUSTED
        is_port = any(_PORT.search(host) for host in address.hosts.split(","))
        return Fault.PORT_NO_NUMBER if is_port else Fault.URL_UNREADABLE
    return None


def _refused(error: asyncpg.InvalidAuthorizationSpecificationError, address: UrlParts) -> Fault:
    """28000 is an unknown role as well as a pg_hba.conf that has no line for us."""
    if error.server_source_function == "ClientAuthentication":
        return Fault.TLS_REQUIRED if address.tls in {"disable", "allow"} else Fault.NOT_LET_IN
    return Fault.ROLE_UNKNOWN
