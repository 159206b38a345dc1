"""Parse REDIS_URL, and make its connection pool.

    redis://[user:password@]host[:6379][/db]       rediss:// with TLS
    unix:///path[?db=0]
    redis+sentinel://[user:password@]host[:26379][,host…]/service[/db]
    rediss+sentinel:// with TLS

The hosts of a sentinel URL are sentinels, which name the master whenever a connection is opened. They can have
their own login: the URL's parameters sentinel_username and sentinel_password.
"""

import socket
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

CONNECT_TIMEOUT_S: Final = 1.0
SENTINEL_PORT: Final = 26_379
# A silent peer is probed after 5 s, and given up on after another 15 s. Sent data may stay unacknowledged for at most
# 10 s.
KERNEL_TIMEOUTS: Final = {
    "TCP_KEEPIDLE": 5,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 10_000,
}
_PLAIN: Final = ("redis://", "rediss://", "unix://")
_SENTINEL: Final = ("redis+sentinel://", "rediss+sentinel://")
_OF_SENTINELS: Final = "sentinel_"


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """A parsed sentinel URL. `hosts` are the sentinels' hosts and ports.

    `url` is the Redis URL without a host, because the sentinels name the host. `login` has keyword arguments
    for a sentinel's client.
    """

    hosts: tuple[tuple[str, int], ...]
    service: str
    url: str
    login: dict[str, str]

    @classmethod
    def of(cls, url: str) -> "SentinelUrl":
        scheme, _, rest = url.partition("://")
        place, _, query = rest.partition("?")
        login, _, after = place.rpartition("@")
        hosts, _, path = after.partition("/")
        service, _, db = path.partition("/")
        if not service or not hosts:
            raise ValueError("is redis+sentinel://host:26379,host:26379/service/0")
        options = dict(parse_qsl(query))
        own = {
            name.removeprefix(_OF_SENTINELS): value
            for name, value in options.items()
            if name.startswith(_OF_SENTINELS)
        }
        kept = {
            name: value for name, value in options.items() if not name.startswith(_OF_SENTINELS)
        }
        at = f"{login}@" if login else ""
        plain = f"{scheme.partition('+')[0]}://{at}master/{db}?{urlencode(kept)}"
        listed = tuple(_host(one) for one in hosts.split(","))
        return cls(listed, unquote(service), plain, own)


def check_redis_url(url: str) -> None:
    """Raise ValueError if the URL isn't valid. redis-py would treat a database that isn't a number as 0."""
    if url.startswith(_SENTINEL):
        url = SentinelUrl.of(url).url
    elif not url.startswith(_PLAIN):
        raise ValueError("begins with redis://, rediss://, redis+sentinel:// or unix://")
    try:
        parts = urlsplit(url)
        named = parts.path.strip("/") if parts.scheme != "unix" else ""
        parse_url(url)
    except ValueError as error:
        # Python's own message about a port may show part of the password.
        odd = str(error) if str(error).startswith("Invalid value for") else "a part of it"
        raise ValueError(f"cannot be read: {odd} is not as it should be") from None
    if named and not (named.isascii() and named.isdecimal()):
        raise ValueError("ends with the database's number, such as /0")


def connection_pool(url: str) -> ConnectionPool:
    """Return a pool for a checked URL. It connects when it is first used.

    Callers limit their reads with asyncio.timeout. redis-py's socket_timeout isn't used: up to Python 3.11 it
    can lose a cancellation, so that a worker doesn't stop. TCP keep-alive ends connections over a dead network.
    lib_name is off because Redis 6.2 doesn't know CLIENT SETINFO.
    """
    usual: dict[str, Any] = {"lib_name": None, "lib_version": None}
    if url.startswith(_SENTINEL):
        return _sentinel_pool(SentinelUrl.of(url), usual | _keepalive_options())
    pool = ConnectionPool.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT_S, **usual)
    if not url.startswith("unix:"):
        pool.connection_kwargs.update(_keepalive_options())
    return pool


async def close_pool(pool: ConnectionPool) -> None:
    await pool.disconnect()
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _sentinel_pool(parts: SentinelUrl, usual: dict[str, Any]) -> ConnectionPool:
    options: dict[str, Any] = dict(parse_url(parts.url))
    has_tls = options.pop("connection_class", None) is SSLConnection
    options.pop("host", None)
    # A sentinel that doesn't respond must leave enough time for the other sentinels and the master.
    share_s = CONNECT_TIMEOUT_S / (len(parts.hosts) + 1)
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    asking = {**usual, **tls, **parts.login, "ssl": has_tls, "socket_connect_timeout": share_s}
    # Nothing else limits how long a sentinel may take to respond.
    asking["socket_timeout"] = share_s
    sentinels = Sentinel(parts.hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    return SentinelConnectionPool(  # type: ignore[no-untyped-call]
        parts.service,
        sentinels,
        ssl=has_tls,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        **usual,
        **options,
    )


def _keepalive_options() -> dict[str, Any]:
    options = {
        getattr(socket, name): value
        for name, value in KERNEL_TIMEOUTS.items()
        if hasattr(socket, name)
    }
    return {"socket_keepalive": True, "socket_keepalive_options": options}


def _host(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text.strip()}")
        port = parts.port
    except ValueError:
        raise ValueError("has a sentinel whose port is no number") from None
    if not parts.hostname:
        raise ValueError("has a sentinel without a host")
    return parts.hostname, SENTINEL_PORT if port is None else port
