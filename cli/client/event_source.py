"""Follow a gateway's event stream. Each event is yielded once and in order, even after lost connections and rate
limits.
"""

import asyncio
import contextlib
import re
import signal
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec

PATH: Final = "/api/public/v1/events/stream"
# The gateway sends something at least every 15 s.
SILENCE_S_MAX: Final = 45.0
CONNECT_S_MAX: Final = 10.0
WAIT_S: Final = 0.5
WAIT_S_MAX: Final = 15.0
LINE_BYTES_MAX: Final = 1 << 20
_WAITING_HELPS = frozenset({429, 500, 502, 503, 504})


class StreamRefused(Exception):
    """The gateway refuses to stream. The message says why."""


class _Lost(Exception):
    """The stream can't be read now. The gateway asked to wait for `wait_s`."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Streamed:
    """One event: its cursor, type and signed body. An empty body means that only the cursor has moved."""

    cursor: str
    type: str
    body: bytes


async def follow(
    client: httpx.AsyncClient,
    *,
    after: str | None,
    event_type: str | None,
    on_connected: Callable[[], None],
    on_lost: Callable[[str], None],
) -> AsyncGenerator[Streamed, None]:
    """Yield every event after the cursor, indefinitely. Raise StreamRefused if the gateway refuses to stream.

    The client has the gateway's address and the credential. `on_lost` is called with the reason for each lost
    connection.
    """
    cursor, wait_s = after, WAIT_S
    while True:
        params = {} if event_type is None else {"type": event_type}
        if cursor is not None:
            params["after"] = cursor
        try:
            async with contextlib.aclosing(_stream(client, params)) as stream:
                async for streamed in stream:
                    if wait_s:
                        on_connected()
                    cursor, wait_s = streamed.cursor, 0.0
                    if streamed.body:
                        yield streamed
            raise _Lost("the gateway ended the stream")
        except (_Lost, httpx.TransportError) as error:
            on_lost(str(error) or type(error).__name__)
            wait_s = min(max(2 * wait_s, WAIT_S), WAIT_S_MAX)
            await asyncio.sleep(max(wait_s, getattr(error, "wait_s", 0.0)))


def hear_ctrl_c() -> None:
    """Let Ctrl-C stop this process. Without this, a process that a shell started in the background ignores it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


async def read_event(client: httpx.AsyncClient, event_id: str) -> Streamed:
    if not re.fullmatch(r"evt_[0-9A-Za-z]{1,40}", event_id):
        raise StreamRefused(f"{event_id} is no event's id: they begin with evt_")
    try:
        answer = await client.get(f"/api/public/v1/events/{event_id}", timeout=SILENCE_S_MAX)
    except httpx.TransportError as error:
        raise StreamRefused(str(error) or type(error).__name__) from None
    if answer.status_code != 200:
        raise StreamRefused(f"{event_id}: {_refusal(answer, answer.content)}")
    event = msgspec.json.decode(answer.content, type=_Envelope).data
    return Streamed("", str(msgspec.json.decode(event)["type"]), bytes(event))


class _Envelope(msgspec.Struct):
    data: msgspec.Raw


async def _stream(
    client: httpx.AsyncClient, params: dict[str, str]
) -> AsyncGenerator[Streamed, None]:
    timeout = httpx.Timeout(CONNECT_S_MAX, read=SILENCE_S_MAX)
    async with client.stream("GET", PATH, params=params, timeout=timeout) as response:
        if response.status_code != 200:
            raise _refusal(response, await response.aread())
        fields: dict[bytes, bytes] = {}
        async for line in _lines(response):
            if line:
                name, _, value = line.partition(b": ")
                fields[name] = value
            elif b"id" in fields:
                yield Streamed(
                    fields[b"id"].decode("ascii"),
                    fields.get(b"event", b"").decode("ascii"),
                    fields.get(b"data", b""),
                )
                fields = {}


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """Split lines only at LF, because signed bodies may contain other line ends."""
    rest = b""
    async for chunk in response.aiter_raw():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > LINE_BYTES_MAX:
            raise StreamRefused("this is no event stream: a line does not end")


def _refusal(response: httpx.Response, body: bytes) -> Exception:
    detail = f"HTTP {response.status_code}"
    with contextlib.suppress(msgspec.DecodeError, LookupError, TypeError):
        detail = str(msgspec.json.decode(body)["data"]["error"]["detail"])
    if response.status_code not in _WAITING_HELPS:
        return StreamRefused(detail)
    after = response.headers.get("retry-after", "")
    return _Lost(detail, float(after) if after.isdecimal() else 0.0)
