"""Open a connection to a vetted address, and to nothing else.

TLS is at least 1.2 and verified against the host's own name. No name is resolved here; proxies and
environment variables play no part.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from webhooks.http.connection import Connection
from webhooks.http.guard import ParsedUrl

ADDRESSES_TRIED_MAX = 4
NEXT_ADDRESS_AFTER_S = 0.25


class DialError(Exception):
    """No connection could be opened. error is the attempt's class; reason is for the operator."""

    def __init__(self, error: Literal["connect", "tls"], reason: str) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connection and the time its parts took; tls_s is None over plain http."""

    connection: Connection
    connect_s: float
    tls_s: float | None


def client_ssl_context() -> ssl.SSLContext:
    """Require TLS 1.2 or newer, verified against the system's authorities and the host name."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


async def dial(url: ParsedUrl, addresses: Sequence[str], ssl_context: ssl.SSLContext) -> Dialled:
    """Connect to the first vetted address that accepts; raise DialError.

    The caller bounds the whole by a deadline.
    """
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    address, reached = await _first_to_answer(addresses[:ADDRESSES_TRIED_MAX], url.port)
    connected_s = loop.time()
    is_tls = url.scheme == "https"
    try:
        # From here on the transport owns the socket, also if the handshake fails.
        _, connection = await loop.create_connection(
            lambda: Connection(loop, address),
            sock=reached,
            ssl=ssl_context if is_tls else None,
            server_hostname=url.host if is_tls else None,
        )
    except OSError as cause:
        # An ssl.SSLError is an OSError as well; a certificate's message holds no secret.
        reason = f"{type(cause).__name__}: {cause}"
        raise DialError("tls" if is_tls else "connect", reason) from cause
    tls_s = loop.time() - connected_s if is_tls else None
    return Dialled(connection, connected_s - started_s, tls_s)


async def _first_to_answer(addresses: Sequence[str], port: int) -> tuple[str, socket.socket]:
    """Try one address after the other, the next one early if the last is slow (RFC 8305)."""
    if len(addresses) == 1:
        reached = await _connect(addresses[0], port)
        if isinstance(reached, DialError):
            raise reached
        return addresses[0], reached
    return await _first_of_several(addresses, port)


async def _first_of_several(addresses: Sequence[str], port: int) -> tuple[str, socket.socket]:
    waiting = list(addresses)
    racing: dict[asyncio.Task[socket.socket | DialError], str] = {}
    failed = DialError("connect", "no address to dial")
    try:
        while waiting or racing:
            if waiting:
                address = waiting.pop(0)
                racing[asyncio.create_task(_connect(address, port))] = address
            done, _ = await asyncio.wait(
                racing,
                timeout=NEXT_ADDRESS_AFTER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                address, reached = racing[task], task.result()
                del racing[task]
                if not isinstance(reached, DialError):
                    return address, reached
                failed = reached
        raise failed
    finally:
        for loser in racing:
            loser.add_done_callback(_discard)
            loser.cancel()


def _discard(loser: "asyncio.Task[socket.socket | DialError]") -> None:
    if not loser.cancelled():
        reached = loser.result()
        if not isinstance(reached, DialError):
            reached.close()


async def _connect(address: str, port: int) -> socket.socket | DialError:
    """Return the failure as a value, because several of these race."""
    try:
        dialling = socket.socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM
        )
    except OSError as cause:
        return DialError("connect", f"{type(cause).__name__}: {cause}")
    try:
        dialling.setblocking(False)
        await asyncio.get_running_loop().sock_connect(dialling, (address, port))
        check_peer(dialling, address, port)
    except OSError as cause:
        dialling.close()
        return DialError("connect", f"{type(cause).__name__}: {cause}")
    except BaseException:
        dialling.close()
        raise
    return dialling


def check_peer(dialling: socket.socket, address: str, port: int) -> None:
    """Raise ConnectionError unless the socket ends where it was sent; a second safeguard."""
    peer, own = dialling.getpeername(), dialling.getsockname()
    is_there = peer[0] == address or ip_address(peer[0]) == ip_address(address)
    if not is_there or peer[1] != port:
        raise ConnectionError(f"the socket ends at {peer[0]}, not at the vetted {address}")
    # A free local port that connects from itself connects to itself, by TCP's simultaneous open.
    if peer[:2] == own[:2]:
        raise ConnectionError("the socket connected to itself")
