"""One stream of server-sent events: an ASGI application that writes until one side ends it.

Every event comes once and in order, or the stream ends and the client continues from its last ID.
No transaction is open meanwhile.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.types import Receive, Scope as AsgiScope, Send

from gateway.http.body import ClientGone
from gateway.http.connection.exchange import has_left
from kernel.errors import DomainError
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.events import log
from webhooks.events.cursor import EventCursor
from webhooks.events.feed import StreamSubscriber
from webhooks.events.log import Event, EventPage

PAGE_EVENTS: Final = 100
HEARTBEAT_S: Final = 15.0
# With the credential cache's half second, an ended key's stream ends within the second.
CHECK_S: Final = 0.35
SEND_S_MAX: Final = 30.0
# Reconnecting spreads streams over gateways that started later.
LIFE_S_MAX: Final = 3600.0
RECONNECT_MS: Final = 1000

_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


@dataclass(frozen=True, slots=True)
class StreamWaits:
    heartbeat_s: float = HEARTBEAT_S
    check_s: float = CHECK_S
    send_s_max: float = SEND_S_MAX
    life_s_max: float = LIFE_S_MAX


Show = Callable[[Transaction, Sequence[Event]], Awaitable[Sequence[Event]]]


async def _as_stored(_tx: Transaction, events: Sequence[Event]) -> Sequence[Event]:
    return events


class EventStream:
    """`check` raises once the caller may not listen; `show` adds codes that the caller may see."""

    def __init__(
        self,
        database: Database,
        tenant: Tenant,
        place: contextlib.AbstractContextManager[StreamSubscriber],
        *,
        check: Callable[[], Awaitable[None]],
        show: Show = _as_stored,
        event_type: str | None,
        begin_at: EventCursor,
        pace: StreamWaits | None = None,
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._place = place
        self._check = check
        self._show = show
        self._event_type = event_type
        self._seen = begin_at
        self._pace = pace or StreamWaits()

    async def __call__(self, _scope: AsgiScope, receive: Receive, send: Send) -> None:
        with self._place as subscriber:
            listening = asyncio.create_task(_end_when_gone(receive, subscriber))
            try:
                await self._write(send, subscriber)
            except (DomainError, StoreError):
                pass
            finally:
                listening.cancel()
            await self._say(send, b"", is_last=True)

    async def _write(self, send: Send, subscriber: StreamSubscriber) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        # A client that reconnects before the first event continues from here, too.
        await self._say(send, b"retry: %d\nid: %s\n\n" % (RECONNECT_MS, self._id()))
        began_s = said_s = time.monotonic()
        may_have_more = True
        while not subscriber.is_ended and time.monotonic() - began_s < self._pace.life_s_max:
            await self._check()
            text = b""
            if may_have_more:
                page = await self._next_page()
                self._seen, may_have_more = page.next, page.has_more
                text = b"".join(_frame(event, page.next) for event in page.events)
            elif time.monotonic() - said_s >= self._pace.heartbeat_s:
                text = b": alive\nid: %s\n\n" % self._id()
            if text:
                await self._say(send, text)
                said_s = time.monotonic()
            if not may_have_more:
                may_have_more = await subscriber.wait_beyond(
                    self._seen.event_no, timeout_s=self._pace.check_s
                )

    def _id(self) -> bytes:
        return self._seen.text().encode()

    async def _next_page(self) -> EventPage:
        async def work(tx: Transaction) -> EventPage:
            page = await log.events_after(
                tx,
                self._tenant,
                after=self._seen,
                event_type=self._event_type,
                limit=PAGE_EVENTS,
            )
            return replace(page, events=await self._show(tx, page.events))

        return await self._database.read(work)

    async def _say(self, send: Send, text: bytes, *, is_last: bool = False) -> None:
        message = {"type": "http.response.body", "body": text, "more_body": not is_last}
        try:
            async with asyncio.timeout(self._pace.send_s_max):
                await send(message)
        except TimeoutError:
            raise ClientGone from None


async def _end_when_gone(receive: Receive, subscriber: StreamSubscriber) -> None:
    while not has_left(await receive()):
        pass
    subscriber.end()


def _frame(event: Event, cursor: EventCursor) -> bytes:
    assert b"\n" not in event.body, "the encoder writes one line"
    id_ = cursor._replace(event_no=event.event_no).text()
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (id_.encode(), event.type.encode(), event.body)
