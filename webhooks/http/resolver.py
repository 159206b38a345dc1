"""Resolve host names by c-ares: no thread waits, and a cancelled look-up ends.

lookup() queries the machine's name servers (or the given ones) and ends when its caller does. Each look-up
opens a channel that reads resolv.conf and the hosts file, so a change counts from the next look-up on, and
nothing is cached here. Of nsswitch.conf c-ares uses only the order of hosts file and name servers: names of
mDNS, LDAP or another module of the C library aren't found.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

import pycares

# The wait for a server's first response, in seconds; c-ares doubles it for each round of the servers.
FIRST_TRY_S: Final = 1.0
TRIES_MAX: Final = 4
_TIMER_S_MIN: Final = 0.01
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class Resolver(Protocol):
    """A name that ends in a dot is absolute: no search domains."""

    async def lookup(self, name: str) -> Sequence[str]:
        """Return address texts, most preferred first; raise OSError or UnicodeError if there is none."""
        ...

    def close(self) -> None: ...


class SystemResolver:
    """The machine's hosts file and name servers; or these servers ("192.0.2.1:53"), for tests."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = tuple(servers)
        self._queries: set[_Query] = set()

    async def lookup(self, name: str) -> Sequence[str]:
        if not name.encode("ascii"):
            raise OSError("an empty name has no address")
        if _NUMERIC.fullmatch(name):
            # The C library reads the spellings of an address (0x7f.1) without a query.
            return _addresses_of_number(name)
        query = _Query(asyncio.get_running_loop(), self._servers)
        self._queries.add(query)
        try:
            return await query.ask(name)
        finally:
            self._queries.discard(query)
            query.close()

    def close(self) -> None:
        for query in list(self._queries):
            query.give_up()


class _Query:
    """One look-up: a channel of c-ares, and the event loop's watch over its sockets."""

    def __init__(self, loop: asyncio.AbstractEventLoop, servers: Sequence[str]) -> None:
        self._loop = loop
        self._answer: asyncio.Future[list[str]] = loop.create_future()
        self._reading: set[int] = set()
        self._writing: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        try:
            # Not `lookups`: pycares 5.2.1 frees that text before c-ares reads it.
            self._channel = pycares.Channel(
                sock_state_cb=self._on_socket,
                timeout=FIRST_TRY_S,
                tries=TRIES_MAX,
                servers=servers or None,
            )
        except pycares.AresError as cause:
            raise OSError(str(cause)) from cause

    async def ask(self, name: str) -> list[str]:
        """Return the addresses, each once; raise OSError."""
        try:
            self._channel.getaddrinfo(name, None, type=socket.SOCK_STREAM, callback=self._on_answer)
        except pycares.AresError as cause:
            raise OSError(str(cause)) from cause
        self._arm()
        return await self._answer

    def give_up(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(OSError("the resolver was closed"))

    def close(self) -> None:
        if self._is_closed:
            return
        with contextlib.suppress(RuntimeError):
            self._channel.cancel()
        # From here on c-ares works in a thread that frees the channel, and must not touch the loop.
        self._is_closed = True
        self._answer.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for fd in self._reading:
            self._loop.remove_reader(fd)
        for fd in self._writing:
            self._loop.remove_writer(fd)
        self._channel.close()

    def _on_socket(self, fd: int, *waits_for: bool) -> None:
        """Watch a socket for what c-ares waits for; nothing means that it closes the socket."""
        if self._is_closed:
            return
        readable, writable = waits_for
        if readable:
            self._reading.add(fd)
            self._loop.add_reader(fd, partial(self._process, fd, pycares.ARES_SOCKET_BAD))
        elif fd in self._reading:
            self._reading.discard(fd)
            self._loop.remove_reader(fd)
        if writable:
            self._writing.add(fd)
            self._loop.add_writer(fd, partial(self._process, pycares.ARES_SOCKET_BAD, fd))
        elif fd in self._writing:
            self._writing.discard(fd)
            self._loop.remove_writer(fd)

    def _on_answer(self, result: pycares.AddrInfoResult | None, error: int | None) -> None:
        if self._answer.done():
            return
        if result is None:
            code = error or pycares.errno.ARES_ENODATA
            self._answer.set_exception(OSError(pycares.errno.strerror(code)))
            return
        found = dict.fromkeys(node.addr[0].decode("ascii") for node in result.nodes)
        self._answer.set_result(list(found))

    def _process(self, read_fd: int, write_fd: int) -> None:
        if self._is_closed:
            return
        self._channel.process_fd(read_fd, write_fd)
        self._arm()

    def _arm(self) -> None:
        """Wake c-ares when it wants to query again; the timer is its only clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._answer.done() and not self._is_closed:
            # pycares gives this one call no types.
            next_s: float = self._channel.timeout(FIRST_TRY_S)  # type: ignore[no-untyped-call]
            wait_s = max(_TIMER_S_MIN, next_s)
            self._timer = self._loop.call_later(
                wait_s, self._process, pycares.ARES_SOCKET_BAD, pycares.ARES_SOCKET_BAD
            )


def _addresses_of_number(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
