"""Why Redis can't be used, by the remedy; logged once.

Nothing depends on Redis, so a fault ends no process, with one exception: a cluster, which would refuse our
calls for ever, is refused at the start.
"""

import logging
import socket
import ssl
import time
from collections.abc import Awaitable
from enum import StrEnum
from typing import Final, cast

from redis.asyncio import Redis
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError as RedisTimeoutError,
)

from runtime.metrics import Metrics

# How often at most an intermittent Redis is logged.
SAID_EVERY_S: Final = 10.0
PROBE_KEYS: Final = ("topup:probe:{a}", "topup:probe:{b}")
# What our own calls do: several keys at once, one of which is written.
_PROBE: Final = "return redis.call('SET', KEYS[1], KEYS[2], 'PX', 1000)"
_CHAIN_MAX: Final = 8

logger = logging.getLogger(__name__)


class RedisFault(StrEnum):
    """The values are labels of a metric."""

    PASSWORD = "password"  # noqa: S105 no password
    PERMISSION = "permission"
    DATABASE = "database"
    CLUSTER = "cluster"
    READ_ONLY = "read_only"
    LOADING = "loading"
    FULL = "full"
    DISK = "disk"
    TLS = "tls"
    HOST = "host"
    NO_SOCKET = "no_socket"
    REFUSED = "refused"
    NO_MASTER = "no_master"
    SLOW = "slow"
    HUNG_UP = "hung_up"
    CLIENTS = "clients"
    FILES = "files"
    OTHER = "other"


WORDS: Final = {
    RedisFault.PASSWORD: "asks for a password, or refuses the one in TOPUP_REDIS_URL",
    RedisFault.PERMISSION: "does not permit its user what is needed: EVAL, PUBLISH, SUBSCRIBE and the"
    " keys topup:* and arq:* (ACL SETUSER)",
    RedisFault.DATABASE: "has no database of the number at the end of TOPUP_REDIS_URL",
    RedisFault.CLUSTER: "is a cluster, which cannot run a script over several of our keys: name a"
    " single server, or its sentinels by redis+sentinel://host:26379/service",
    RedisFault.READ_ONLY: "is a read-only replica: name its master, or the sentinels that know it",
    RedisFault.LOADING: "is loading its data and will answer by itself",
    RedisFault.FULL: "is full: raise its maxmemory, or set maxmemory-policy to volatile-lru",
    RedisFault.DISK: "refuses to write, since it cannot save to its disk: its own log says why",
    RedisFault.TLS: "does not agree on TLS: rediss:// is with it, redis:// without, and the"
    " certificate has to be trusted",
    RedisFault.HOST: "has a host that does not resolve to an address: check TOPUP_REDIS_URL",
    RedisFault.NO_SOCKET: "is not there: TOPUP_REDIS_URL is empty and no embedded one runs, or it"
    " names a socket that is missing",
    RedisFault.REFUSED: "cannot be reached at its address: does it run, and is TOPUP_REDIS_URL right?",
    RedisFault.HUNG_UP: "hangs up: has it ended, does it want TLS (rediss://), or is it no Redis?",
    RedisFault.CLIENTS: "has no connection left: raise its maxclients",
    RedisFault.NO_MASTER: "has sentinels that do not answer, or know no master of that name",
    RedisFault.SLOW: "does not answer in time, or has no TLS and TOPUP_REDIS_URL says rediss://",
    RedisFault.FILES: "cannot be connected to: this process has no file descriptor left",
    RedisFault.OTHER: "answers what is not expected of it",
}
_BY_CLASS: Final[tuple[tuple[type[BaseException], RedisFault], ...]] = (
    (AuthenticationError, RedisFault.PASSWORD),
    (NoPermissionError, RedisFault.PERMISSION),
    (BusyLoadingError, RedisFault.LOADING),
    (ReadOnlyError, RedisFault.READ_ONLY),
    (OutOfMemoryError, RedisFault.FULL),
    (MasterNotFoundError, RedisFault.NO_MASTER),
    (ssl.SSLError, RedisFault.TLS),
    (socket.gaierror, RedisFault.HOST),
    (FileNotFoundError, RedisFault.NO_SOCKET),
    (ConnectionRefusedError, RedisFault.REFUSED),
    (TimeoutError, RedisFault.SLOW),
    (RedisTimeoutError, RedisFault.SLOW),
    (ConnectionResetError, RedisFault.HUNG_UP),
    (InvalidResponse, RedisFault.HUNG_UP),
)
# The server's own words, which are in English on any machine.
_BY_START: Final = (
    ("MOVED ", RedisFault.CLUSTER),
    ("ASK ", RedisFault.CLUSTER),
    ("CROSSSLOT", RedisFault.CLUSTER),
    ("CLUSTERDOWN", RedisFault.CLUSTER),
    ("SELECT is not allowed in cluster mode", RedisFault.CLUSTER),
    ("DB index is out of range", RedisFault.DATABASE),
    ("invalid DB index", RedisFault.DATABASE),
    ("MISCONF", RedisFault.DISK),
    ("NOREPLICAS", RedisFault.READ_ONLY),
    ("OOM ", RedisFault.FULL),
    ("READONLY", RedisFault.READ_ONLY),
    ("LOADING", RedisFault.LOADING),
    ("NOPERM", RedisFault.PERMISSION),
    ("The previous master is now a slave", RedisFault.READ_ONLY),
    ("Too many open files", RedisFault.FILES),
    ("Connection closed by server", RedisFault.HUNG_UP),
    ("max number of clients reached", RedisFault.CLIENTS),
)


def fault_of(error: BaseException) -> RedisFault:
    """Return the fault of the error, or of its cause: redis-py wraps the system's errors."""
    one: BaseException | None = error
    for _ in range(_CHAIN_MAX):
        if one is None:
            break
        text = str(one).removeprefix("ERR ")
        found = next((fault for start, fault in _BY_START if text.startswith(start)), None)
        if found is None and isinstance(one, OSError) and "Too many open files" in text:
            found = RedisFault.FILES
        found = found or next((fault for kind, fault in _BY_CLASS if isinstance(one, kind)), None)
        if found is not None:
            return found
        one = one.__cause__ or one.__context__
    return RedisFault.REFUSED if isinstance(error, OSError) else RedisFault.OTHER


async def check_usable(redis: Redis) -> None:
    """Do what our own calls do and raise what they would; a full Redis still answers PING."""
    await cast(Awaitable[object], redis.eval(_PROBE, len(PROBE_KEYS), *PROBE_KEYS))


class RedisState:
    """What one process knows of its Redis: logged when it changes, counted in between.

    Each part that uses Redis has a name; Redis counts as away while any part can't reach it.
    """

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._counter = None if metrics is None else metrics.redis_refusals
        self._away: dict[str, RedisFault] = {}
        self._since_s = 0.0
        self._refused = 0
        # What was logged last, and when; is_told: for this outage.
        self._told: RedisFault | None = None
        self._told_s = float("-inf")
        self._is_told = False

    @property
    def fault(self) -> RedisFault | None:
        return next(iter(self._away.values()), None)

    def lose(self, part: str, error: BaseException) -> RedisFault:
        """Record that the part can't reach it; return why. Logged if it is new, or by now another fault."""
        fault = fault_of(error)
        if not self._away:
            self._since_s, self._refused = time.monotonic(), 0
        self._away[part] = fault
        is_new = not self._is_told or fault is not self._told
        if is_new and time.monotonic() - self._told_s >= SAID_EVERY_S:
            self._tell(fault)
        return fault

    def refuse(self) -> None:
        """Count a call that went without Redis."""
        self._refused += 1
        if self._counter is not None and self._away:
            self._counter.add(next(iter(self._away.values())).value)

    def find(self, part: str) -> None:
        """Record that the part reaches it again; logged once all parts do."""
        if self._away.pop(part, None) is None or self._away or not self._is_told:
            return
        self._is_told = False
        away_s = round(time.monotonic() - self._since_s, 1)
        # A process that called nothing meanwhile, such as a worker, has nothing to count.
        counted = {"refused": self._refused} if self._refused else {}
        logger.info("redis.back", extra={"away_s": away_s, **counted})

    def _tell(self, fault: RedisFault) -> None:
        self._told, self._told_s, self._is_told = fault, time.monotonic(), True
        # Never the driver's message: it may hold an address with a password.
        logger.warning("redis.away", extra={"fault": fault.value, "why": f"Redis {WORDS[fault]}"})
