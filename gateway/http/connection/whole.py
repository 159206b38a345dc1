"""Take a whole body without waiting, and write a whole response at once."""

from collections.abc import Sequence
from functools import lru_cache

from gateway.http.connection.answer_head import CLOSE, STATUS_LINES, joined
from gateway.http.connection.exchange import Exchange
from gateway.http.connection.wire import Header

_line = b": ".join


def read_whole(exchange: Exchange | None) -> bytes | None:
    """Return the body if all of it has arrived, or None. receive() returns it afterwards as well."""
    if exchange is None or not exchange.has_all or exchange.is_gone:
        return None
    return bytes(exchange.body)


def write_whole(
    exchange: Exchange | None,
    status: int,
    headers: Sequence[Header],
    usual: tuple[Header, ...],
    body: bytes,
) -> bool:
    """Write a whole response at once; return False if it must be written by ASGI's messages.

    headers are ours: fixed names and checked values. usual: constants.
    """
    if exchange is None or exchange.is_begun or exchange.wire.is_writing_paused:
        return False
    if exchange.is_gone:
        return True
    if not exchange.has_all and exchange.may_lack_its_body:
        exchange.is_kept = False
    lines = list(map(_line, headers))
    if not exchange.is_kept:
        lines.append(CLOSE)
    head = b"\r\n".join(lines)
    assert head.count(b"\n") == len(lines) - 1, "a header ends where it ends"
    exchange.is_begun = exchange.is_answered = True
    wire = exchange.wire
    own = joined(wire.server_state.default_headers)
    wire.transport.write(b"".join((STATUS_LINES[status], own, head, _end_of(usual), body)))
    exchange.tell()
    if CLOSE in head:
        exchange.is_kept = False
        wire.transport.close()
    wire.on_answered()
    return True


@lru_cache(maxsize=16)
def _end_of(usual: tuple[Header, ...]) -> bytes:
    return b"".join(b"\r\n%b: %b" % header for header in usual) + b"\r\n\r\n"
