"""One process's link to Redis: no caller waits long for a Redis that is slow, stopped or gone.

A call takes at most `timeout_s`. Once one has failed, further calls are refused at once until a background
probe has seen Redis respond in time again. So a stopped Redis costs one caller one timeout.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.asyncio import Connection, ConnectionPool, Redis
from redis.exceptions import ConnectionError as ConnectionLost, RedisError

from runtime.redis_faults import RedisFault, RedisState, check_usable, fault_of
from runtime.setting_forms.redis_url import CONNECT_TIMEOUT_S, close_pool, connection_pool

CALL_TIMEOUT_S = 0.05
PROBE_INTERVAL_S = 0.5
RETRY_S = 0.25
CONNECTIONS_MAX = 16
PART = "link"
logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Word = str | bytes | int


class RedisAway(Exception):
    """Redis can't be called now; the caller continues without it. Never leaves runtime/."""


async def listen(url: str, channel: str, on_message: Callable[[str | None], None]) -> None:
    """Call on_message with each message on the channel, for ever, through any outage.

    It gets None on each connection, because a message may have been missed before. The connection is the
    listener's own, and no read on it is cancelled while it lives.
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
            # The first answer confirms the subscription.
            kind, _, said = await connection.read_response()
            _pass_on(said if kind == b"message" else None, on_message)
    finally:
        await connection.disconnect(nowait=True)


def _pass_on(said: bytes | None, on_message: Callable[[str | None], None]) -> None:
    try:
        on_message(None if said is None else said.decode())
    except Exception:
        logger.exception("redis.message_broke")


class KeptConnection:
    """A caller's own connection for commands that are sent often; made by RedisLink.keep.

    A pool checks a connection before each command, which takes a timer and a turn of the event loop. This one
    is used as it is. If it turns out to have ended, it is reopened and the command sent once more, so a
    command may run twice. Commands go one after the other. After a refusal it is reopened as well, because
    its server may have become a replica.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._connection: Connection = pool.make_connection()  # type: ignore[no-untyped-call]
        self._turn = asyncio.Lock()
        self._is_closed = False

    async def ask(self, command: Sequence[Word]) -> object:
        """Return Redis's answer, with texts as bytes; raise RedisError or OSError."""
        async with self._turn:
            if self._connection.is_connected:
                with contextlib.suppress(ConnectionLost):
                    return await self._exchange(command)
            await self._connect()
            return await self._exchange(command)

    async def open(self) -> None:
        """Open it if it isn't open; raise as `ask` does."""
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
        # Either one closes the connection if it is cancelled, so no answer is left for the next command.
        try:
            await self._connection.send_command(*command)
            return await self._connection.read_response()
        except RedisError:
            await self._connection.disconnect(nowait=True)
            raise


class RedisLink:
    """A Redis client behind a timeout and a breaker; share one in each process."""

    def __init__(
        self, url: str, *, timeout_s: float = CALL_TIMEOUT_S, state: RedisState | None = None
    ) -> None:
        """Make the link. state: what the process knows of its Redis, if others share it."""
        self.state = state or RedisState()
        self.pool = connection_pool(url)
        self._redis = Redis(connection_pool=self.pool)
        self._timeout_s = timeout_s
        # Many callers at once share a few connections instead of opening one each.
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)
        self._kept: list[KeptConnection] = []
        self._probe: asyncio.Task[None] | None = None
        self._is_closed = False
        self._back_at_s = float("-inf")
        self._on_return: list[Callable[[], None]] = []

    @property
    def is_up(self) -> bool:
        """Return False from a failed call until a probe succeeds; True before the first call."""
        return self._probe is None

    def on_return(self, callback: Callable[[], None]) -> None:
        """Call `callback` each time Redis is found to respond again."""
        self._on_return.append(callback)

    async def call(self, command: Callable[[Redis], Awaitable[Result]]) -> Result:
        """Return the command's result within the timeout; raise RedisAway otherwise."""
        self._refuse_while_away()
        try:
            async with asyncio.timeout(self._timeout_s), self._turns:
                return await command(self._redis)
        except (RedisError, OSError) as error:
            raise self._away(error) from error

    def keep(self) -> KeptConnection:
        """Return a caller's own connection for `ask`, closed with the link.

        It is opened at its first use, and by the probe, which has more time for it than a caller.
        """
        kept = KeptConnection(self.pool)
        self._kept.append(kept)
        return kept

    async def ask(self, kept: KeptConnection, *command: Word) -> object:
        """Send one command by a kept connection, as `call` does; it may run twice."""
        self._refuse_while_away()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await kept.ask(command)
        except (RedisError, OSError) as error:
            raise self._away(error) from error

    async def find_fault(self) -> RedisFault | None:
        """Check within CONNECT_TIMEOUT_S that it does what we need; a fault opens the breaker."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await check_usable(self._redis)
        except (RedisError, OSError) as error:
            self._open(error)
            return fault_of(error)
        return None

    async def aclose(self) -> None:
        """Stop probing and close every connection; safe while Redis is stopped."""
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
        # The first probe goes out at once, so a timeout caused by our own busy loop heals itself. Not right
        # after Redis came back: if it refuses what the probe doesn't send, callers would fail as fast as they
        # can for ever.
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
        """Connect with patience, then send what callers need, within their time."""
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
                # The next probe goes where the address leads by then, perhaps to another server.
                await self.pool.disconnect(inuse_connections=False)
            return False
        except Exception:
            # The probe is the only way back, so it continues whatever it met.
            logger.exception("redis.probe_broke")
            return False
        return True
