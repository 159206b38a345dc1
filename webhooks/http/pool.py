"""Idle connections, for the next request to the same place.

take() gives a connection only to an address vetted for this very attempt, and only to the account that opened
it. A connection lives at most five minutes and idles at most one. Each origin has a share, and all together
idle_max; the longest idle is closed first.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection

from webhooks.http.connection import Connection

CONNECTION_AGE_S_MAX = 300.0
IDLE_AGE_S_MAX = 60.0
SWEEP_S = 15.0
# As many as one endpoint may have under way [with half of it a tenth of a delivery was connecting].
IDLE_PER_ORIGIN_MAX = 512
IDLE_MAX = 1024

# Account id, scheme, host, port; the address is compared at take().
Origin = tuple[str, str, str, int]


class IdlePool:
    """Stacks of idle connections by origin, the most recently used on top."""

    def __init__(
        self,
        *,
        idle_per_origin_max: int = IDLE_PER_ORIGIN_MAX,
        idle_max: int = IDLE_MAX,
        connection_age_s_max: float = CONNECTION_AGE_S_MAX,
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._sweep_s = sweep_s
        self._idle_per_origin_max = idle_per_origin_max
        self._idle_max = idle_max
        self._connection_age_s_max = min(connection_age_s_max, CONNECTION_AGE_S_MAX)
        self._stacks: dict[Origin, list[Connection]] = {}
        # The longest idle first, each with its origin.
        self._idle: OrderedDict[Connection, Origin] = OrderedDict()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, origin: Origin, vetted: Collection[str], now_s: float) -> Connection | None:
        """Return a usable connection to a vetted address, or None; close those it may not use."""
        stack = self._stacks.get(origin)
        while stack:
            connection = stack.pop()
            del self._idle[connection]
            if connection.address in vetted and self._is_fit(connection, now_s):
                return connection
            connection.close()
        return None

    def give(self, origin: Origin, connection: Connection, now_s: float) -> None:
        """Store the connection for the next take(), or close it if it is unfit or one too many."""
        stack = self._stacks.setdefault(origin, [])
        has_room = len(stack) < self._idle_per_origin_max and not self._is_closed
        if not has_room or not connection.is_usable:
            connection.close()
            return
        connection.idle_since_s = now_s
        stack.append(connection)
        self._idle[connection] = origin
        if len(self._idle) > self._idle_max:
            self._drop(next(iter(self._idle)))
        if self._sweeper is None:
            self._arm()

    def keep_only(self, origin: Origin, vetted: Collection[str]) -> None:
        for connection in list(self._stacks.get(origin, ())):
            if connection.address not in vetted:
                self._drop(connection)

    def close(self) -> None:
        """Close everything, also whatever is returned later."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in list(self._idle):
            self._drop(connection)
        self._stacks.clear()

    def sweep(self, now_s: float) -> None:
        for connection in list(self._idle):
            if not self._is_fit(connection, now_s):
                self._drop(connection)
        self._stacks = {origin: stack for origin, stack in self._stacks.items() if stack}

    def _drop(self, connection: Connection) -> None:
        origin = self._idle.pop(connection)
        self._stacks[origin].remove(connection)
        connection.close()

    def _is_fit(self, connection: Connection, now_s: float) -> bool:
        return (
            connection.is_usable
            and now_s - connection.opened_s < self._connection_age_s_max
            and now_s - connection.idle_since_s < IDLE_AGE_S_MAX
        )

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(self._sweep_s, self._on_sweep, loop)

    def _on_sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper = None
        self.sweep(loop.time())
        if self._stacks:
            self._arm()
