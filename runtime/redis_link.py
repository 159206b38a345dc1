"""Connect a process to Redis, so that no caller waits long if Redis is slow or unreachable.

A call takes at most `timeout_s`. After a failed call, all calls are refused until a background probe succeeds.
If Redis is a cluster, the process exits, because a cluster always refuses our calls.

A hint (Queue) tells workers to look for work now. Losing a hint does no harm, because workers also poll the database.
Only this file, runtime/woken_worker.py and worker/main.py use ARQ. Jobs are stored as JSON. ARQ's default is pickle,
which would execute whatever somebody writes into Redis.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

import msgspec
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError as ConnectionLost,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError as RedisTimeoutError,
)

from kernel.clock import Clock
from runtime.metrics import Metrics
from runtime.setting_forms.redis_url import CONNECT_TIMEOUT_S, close_pool, connection_pool
from store.database import ANYTHING
from store.errors import StoreError

# A repeated fault is logged at most this often.
SAID_EVERY_S: Final = 10.0
PROBE_KEYS: Final = ("topup:probe:{a}", "topup:probe:{b}")
# Like our own calls, this uses several keys and writes one of them.
_PROBE: Final = "return redis.call('SET', KEYS[1], KEYS[2], 'PX', 1000)"
_CHAIN_MAX: Final = 8
CALL_TIMEOUT_S = 0.05
PROBE_INTERVAL_S = 0.5
RETRY_S = 0.25
CONNECTIONS_MAX = 16
PART = "link"
logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Word = str | bytes | int


class RedisFault(StrEnum):
    """A reason why Redis can't be used. The values are labels of a metric."""

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
# These are the beginnings of the server's own messages, which are always in English.
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
    """Return the fault for an error or for its cause. redis-py wraps the system's errors."""
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
    """Run a test command that resembles our calls, and raise its error. PING isn't enough, because even a full
    Redis answers it.
    """
    await cast(Awaitable[object], redis.eval(_PROBE, len(PROBE_KEYS), *PROBE_KEYS))


class RedisState:
    """Whether all parts of this process can reach Redis."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._counter = None if metrics is None else metrics.redis_refusals
        self._away: dict[str, RedisFault] = {}
        self._since_s = 0.0
        self._refused = 0
        # The last logged fault, when it was logged, and whether the current outage has been logged.
        self._told: RedisFault | None = None
        self._told_s = float("-inf")
        self._is_told = False

    @property
    def fault(self) -> RedisFault | None:
        return next(iter(self._away.values()), None)

    def lose(self, part: str, error: BaseException) -> RedisFault:
        """Record that this part can't reach Redis, and return the fault. Log a new or changed fault."""
        fault = fault_of(error)
        if not self._away:
            self._since_s, self._refused = time.monotonic(), 0
        self._away[part] = fault
        is_new = not self._is_told or fault is not self._told
        if is_new and time.monotonic() - self._told_s >= SAID_EVERY_S:
            self._report(fault)
        return fault

    def refuse(self) -> None:
        self._refused += 1
        if self._counter is not None and self._away:
            self._counter.add(next(iter(self._away.values())).value)

    def find(self, part: str) -> None:
        """Record that this part reaches Redis again. When all parts do, log the recovery."""
        if self._away.pop(part, None) is None or self._away or not self._is_told:
            return
        self._is_told = False
        away_s = round(time.monotonic() - self._since_s, 1)
        # A process that makes no calls, such as a worker, has no refused calls to report.
        counted = {"refused": self._refused} if self._refused else {}
        logger.info("redis.back", extra={"away_s": away_s, **counted})

    def _report(self, fault: RedisFault) -> None:
        self._told, self._told_s, self._is_told = fault, time.monotonic(), True
        # Never log the driver's message, because it may contain an address with a password.
        logger.warning("redis.away", extra={"fault": fault.value, "why": f"Redis {WORDS[fault]}"})


class RedisAway(Exception):
    """Redis can't be called now. Callers inside runtime/ continue without it."""


async def listen(url: str, channel: str, on_message: Callable[[str | None], None]) -> None:
    """Call `on_message` with each message on the channel until cancelled. Reconnect after outages.

    After each connection, `on_message` gets None, because messages may have been missed.
    """
    pool = connection_pool(url)
    try:
        while True:
            with contextlib.suppress(RedisError, OSError):
                await _listen_once(pool, channel, on_message)
            await asyncio.sleep(RETRY_S)
    finally:
        with contextlib.suppress(RedisError, OSError):
            await close_pool(pool)


async def _listen_once(
    pool: ConnectionPool, channel: str, on_message: Callable[[str | None], None]
) -> None:
    connection = pool.make_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.connect()
        await connection.send_command("SUBSCRIBE", channel)
        while True:
            # The first response confirms the subscription.
            kind, _, said = await connection.read_response()
            _pass_on(said if kind == b"message" else None, on_message)
    finally:
        await connection.disconnect(nowait=True)


def _pass_on(said: bytes | None, on_message: Callable[[str | None], None]) -> None:
    try:
        on_message(None if said is None else said.decode())
    except Exception:
        logger.exception("redis.message_broke")


class OwnConnection:
    """A connection for one caller's frequent commands, made by RedisLink.connect.

    A pool would check the connection before each command, which takes time. This connection isn't checked. If
    it was closed, it is reopened and the command is sent again. So a command may run twice. After Redis refuses
    a command, the connection is closed, because the server may have become a replica.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._connection: Connection = pool.make_connection()  # type: ignore[no-untyped-call]
        self._turn = asyncio.Lock()
        self._is_closed = False

    async def execute(self, command: Sequence[Word]) -> object:
        """Return Redis's response, with texts as bytes. Raise RedisError or OSError."""
        async with self._turn:
            if self._connection.is_connected:
                with contextlib.suppress(ConnectionLost):
                    return await self._exchange(command)
            await self._connect()
            return await self._exchange(command)

    async def open(self) -> None:
        async with self._turn:
            await self._connect()

    async def aclose(self) -> None:
        self._is_closed = True
        await self._connection.disconnect(nowait=True)

    async def _connect(self) -> None:
        if self._is_closed:
            raise ConnectionLost("closed")
        await self._connection.connect()  # type: ignore[no-untyped-call]

    async def _exchange(self, command: Sequence[Word]) -> object:
        # A cancelled call closes the connection, so that the next command can't read its response.
        try:
            await self._connection.send_command(*command)
            return await self._connection.read_response()
        except RedisError:
            await self._connection.disconnect(nowait=True)
            raise


class RedisLink:
    """A Redis client with a timeout and a circuit breaker. Each process has one."""

    def __init__(
        self, url: str, *, timeout_s: float = CALL_TIMEOUT_S, state: RedisState | None = None
    ) -> None:
        self.state = state or RedisState()
        self.pool = connection_pool(url)
        self._redis = Redis(connection_pool=self.pool)
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)
        self._kept: list[OwnConnection] = []
        self._probe: asyncio.Task[None] | None = None
        self._is_closed = False
        self._back_at_s = float("-inf")
        self._on_return: list[Callable[[], None]] = []

    @property
    def is_up(self) -> bool:
        """Return False after a failed call until a probe succeeds. Until then, no calls are sent."""
        return self._probe is None

    def on_return(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever Redis responds again after an outage."""
        self._on_return.append(callback)

    async def call(self, command: Callable[[Redis], Awaitable[Result]]) -> Result:
        """Return the command's result. Raise RedisAway if the command fails or takes longer than the timeout."""
        self._refuse_while_away()
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                return await command(self._redis)
        except (RedisError, OSError) as error:
            raise self._away(error) from error

    def connect(self) -> OwnConnection:
        """Return a connection that one caller uses with `execute`.

        The probe opens the connection, because a caller can't wait that long. The link closes it.
        """
        kept = OwnConnection(self.pool)
        self._kept.append(kept)
        return kept

    async def execute(self, kept: OwnConnection, *command: Word) -> object:
        """Send one command over a connection from `connect`. The command may run twice. Raise RedisAway if it fails."""
        self._refuse_while_away()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await kept.execute(command)
        except (RedisError, OSError) as error:
            raise self._away(error) from error

    async def find_fault(self) -> RedisFault | None:
        """Check that Redis does what we need. Return the fault found, or None. After a fault, calls are refused until a
        probe succeeds.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await check_usable(self._redis)
        except (RedisError, OSError) as error:
            self._open(error)
            return fault_of(error)
        return None

    async def aclose(self) -> None:
        """Stop probing and close all connections. Redis may be unreachable."""
        self._is_closed = True
        if self._probe is not None:
            self._probe.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probe
        with contextlib.suppress(RedisError, OSError):
            for kept in self._kept:
                await kept.aclose()
            await close_pool(self.pool)

    def _refuse_while_away(self) -> None:
        if self._probe is not None:
            self.state.refuse()
            raise RedisAway

    def _away(self, error: BaseException) -> RedisAway:
        self._open(error)
        self.state.refuse()
        return RedisAway()

    def _open(self, error: BaseException) -> None:
        if self._probe is None and not self._is_closed:
            self.state.lose(PART, error)
            self._probe = asyncio.get_running_loop().create_task(self._probe_until_back())

    async def _probe_until_back(self) -> None:
        # The first probe runs at once, in case our own busy event loop caused the timeout. If Redis has only just
        # come back, the probe waits, so that callers can't fail in a tight loop.
        loop = asyncio.get_running_loop()
        if loop.time() < self._back_at_s + PROBE_INTERVAL_S:
            await asyncio.sleep(PROBE_INTERVAL_S)
        is_back = await self._answers_in_time()
        while not is_back:
            await asyncio.sleep(PROBE_INTERVAL_S)
            is_back = await self._answers_in_time()
        self._probe = None
        self._back_at_s = loop.time()
        self.state.find(PART)
        for callback in self._on_return:
            try:
                callback()
            except Exception:
                logger.exception("redis.callback_broke")

    async def _answers_in_time(self) -> bool:
        """Connect with a long timeout. Then run our commands within the timeout that callers have."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._redis.ping()
            for kept in self._kept:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await kept.open()
            async with asyncio.timeout(self._timeout_s):
                await check_usable(self._redis)
        except (RedisError, OSError) as error:
            self.state.lose(PART, error)
            with contextlib.suppress(RedisError, OSError):
                # Reconnect, because the address may now lead to another server.
                await self.pool.disconnect(inuse_connections=False)
            return False
        except Exception:
            # Only the probe can end an outage, so it continues after any error.
            logger.exception("redis.probe_broke")
            return False
        return True


QUEUE_NAME = "topup:queue"
WAKE_JOB = "wake"
SLOT_US = 20_000
# At most one hint is sent per millisecond.
HINT_INTERVAL_S = 0.001
# Without Redis, each hint costs a transaction.
OTHERWISE_INTERVAL_S = 0.005
HINT_LIFE_MS = 3_600_000
# A job that hasn't started also covers later hints. So a hint uses the first of these IDs whose job isn't running.
# This limits the queue's length.
HINT_IDS = tuple(f"{WAKE_JOB}:now:{number}" for number in range(8))
# A message to workers contains hint names, ANYTHING, or this mark, which means a queued job.
JOBS = "+"
SLOTS_PENDING_MAX = 1000
SLOTS_REMEMBERED_MAX = 4096
# Work that is due later than this needs no hint, because workers also poll.
WAKE_AHEAD_MS = 2000
# KEYS is the queue. ARGV has a channel or "", a message, and for each job its key, body, life in ms, score and
# ID. A job whose ID is already queued isn't changed.
_ADD_JOBS = """
for i = 3, #ARGV, 5 do
  if redis.call('SET', ARGV[i], ARGV[i + 1], 'PX', ARGV[i + 2], 'NX') then
    redis.call('ZADD', KEYS[1], ARGV[i + 3], ARGV[i + 4])
  end
end
if ARGV[1] ~= '' then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
"""
# KEYS is the queue. ARGV has the prefixes of job keys and of running keys, a body, its life in ms, a score, and
# the IDs.
_ADD_HINT = """
for i = 6, #ARGV do
  if redis.call('EXISTS', ARGV[2] .. ARGV[i]) == 0 then
    if redis.call('SET', ARGV[1] .. ARGV[i], ARGV[3], 'PX', ARGV[4], 'NX') then
      redis.call('ZADD', KEYS[1], ARGV[5], ARGV[i])
    end
    return 1
  end
end
return 0
"""

SendHints = Callable[[Sequence[str]], Awaitable[None]]

_decoder = msgspec.json.Decoder()


def to_json(job: dict[str, Any]) -> bytes:
    """Encode a job as JSON. A value that JSON can't represent is replaced with its repr."""
    return msgspec.json.encode(job, enc_hook=repr)


def from_json(body: bytes) -> dict[str, Any]:
    return cast(dict[str, Any], _decoder.decode(body))


def wake_channel(queue_name: str) -> str:
    return f"{queue_name}:wake"


class Queue:
    """Send hints to workers. The caller never waits for a round trip.

    While Redis is unreachable, hints are passed to `otherwise`, for example Store.send_hints. Without `otherwise`,
    they are dropped.
    """

    def __init__(
        self,
        link: RedisLink,
        clock: Clock,
        *,
        queue_name: str = QUEUE_NAME,
        otherwise: SendHints | None = None,
    ) -> None:
        self._link = link
        self._kept = link.connect()
        self._otherwise = otherwise
        # Whether a hint was lost since Redis last responded.
        self._is_behind = False
        self._clock = clock
        self._queue_name = queue_name
        self._names_wanted: set[str] = set()
        self._slots_wanted: set[int] = set()
        self._slots_sent: OrderedDict[int, None] = OrderedDict()
        self._sender: asyncio.Task[None] | None = None
        link.on_return(self._catch_up)

    async def wake(self) -> None:
        self.wake_soon()

    def wake_soon(self, name: str = ANYTHING) -> None:
        """Make every worker check for the work that `name` stands for.

        If Redis is unreachable, `otherwise` is used. When Redis is back, workers check for any work.
        """
        self._names_wanted.add(name)
        self._start_sender()

    def wake_at(self, at_us: int) -> None:
        """Wake every worker within 20 ms after `at_us`. Calls for nearly the same time share one wake-up."""
        if at_us <= self._clock.now_us():
            self.wake_soon()
            return
        if not self._link.is_up:
            # Each worker has its own timer. When Redis is back, all workers are woken.
            self._is_behind = True
            return
        slot = -(-at_us // SLOT_US)
        if slot in self._slots_sent or len(self._slots_wanted) >= SLOTS_PENDING_MAX:
            return
        self._slots_wanted.add(slot)
        self._start_sender()

    async def aclose(self) -> None:
        if self._sender is not None:
            await self._sender

    def _start_sender(self) -> None:
        is_wanted = self._names_wanted or self._slots_wanted
        is_sending = self._sender is not None and not self._sender.done()
        if is_wanted and not is_sending:
            self._sender = asyncio.get_running_loop().create_task(self._send_hints())

    async def _send_hints(self) -> None:
        while self._names_wanted or self._slots_wanted:
            names, slots = sorted(self._names_wanted), sorted(self._slots_wanted)
            self._names_wanted.clear()
            self._slots_wanted.clear()
            try:
                if names:
                    await self._add_hint(names)
                if slots:
                    await self._add_later_hints(slots)
            except RedisAway:
                # When Redis is back, one check makes up for all lost hints.
                self._is_behind = True
                await self._send_otherwise(names)
                continue
            except Exception:
                # The hint is lost, but workers find this work by polling.
                logger.exception("hint.broke")
            self._remember(slots)
            await asyncio.sleep(HINT_INTERVAL_S)

    def _catch_up(self) -> None:
        if self._is_behind:
            self._is_behind = False
            self.wake_soon()

    async def _send_otherwise(self, names: Sequence[str]) -> None:
        if self._otherwise is not None and names:
            with contextlib.suppress(StoreError):
                await self._otherwise(names)
        await asyncio.sleep(OTHERWISE_INTERVAL_S)

    def _remember(self, slots: Sequence[int]) -> None:
        for slot in slots:
            self._slots_sent[slot] = None
        while len(self._slots_sent) > SLOTS_REMEMBERED_MAX:
            self._slots_sent.popitem(last=False)

    async def _add_hint(self, names: Sequence[str]) -> None:
        """Publish the hint. If no worker listens, queue a job instead. A job takes as much CPU time as a delivery."""
        channel = wake_channel(self._queue_name)
        if await self._link.execute(self._kept, "PUBLISH", channel, " ".join(names)):
            return
        now_ms = self._clock.now_us() // 1000
        prefixes = (job_key_prefix, in_progress_key_prefix)
        await self._run(_ADD_HINT, *prefixes, _hint(now_ms), HINT_LIFE_MS, now_ms, *HINT_IDS)

    async def _add_later_hints(self, slots: Sequence[int]) -> None:
        now_ms = self._clock.now_us() // 1000
        body = _hint(now_ms)
        arguments: list[Word] = ["", JOBS]
        for slot in slots:
            # ARQ rounds its clock to the millisecond, so it could start a job half a millisecond early.
            due_ms = -(-(slot * SLOT_US + 500) // 1000)
            if due_ms <= now_ms + WAKE_AHEAD_MS:
                arguments[0] = wake_channel(self._queue_name)
            life_left_ms = max(due_ms - now_ms, 0) + HINT_LIFE_MS
            id_ = f"{WAKE_JOB}:{slot}"
            arguments += [job_key_prefix + id_, body, life_left_ms, due_ms, id_]
        await self._run(_ADD_JOBS, *arguments)

    async def _run(self, script: str, *arguments: Word) -> None:
        await self._link.execute(self._kept, "EVAL", script, 1, self._queue_name, *arguments)


def _hint(now_ms: int) -> bytes:
    return serialize_job(WAKE_JOB, (), {}, None, now_ms, serializer=to_json)
