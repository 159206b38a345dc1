"""Hold requests open to wait for a change of state (?wait_s=) or to stream events.

No transaction is open while a request waits. Events are streamed once and in order. If a stream ends, the client
continues after the last ID that it received.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from starlette.types import Receive, Scope as AsgiScope, Send

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import code_of, status_of, transaction_id_of
from gateway.answers.words import API_PREFIX
from gateway.http.body import ClientGone
from gateway.http.connection.exchange import has_left
from gateway.http.lists import admitted_again
from gateway.http.request_context import RequestContext
from kernel.errors import DomainError
from kernel.tenant import Tenant
from kernel.words import Link
from keys.act import WAIT_S_MAX, State, WaitQuery
from store.database import Database, Transaction
from store.errors import StoreError
from webhooks.events import log
from webhooks.events.cursor import EventCursor
from webhooks.events.feed import StreamSubscriber, Wait
from webhooks.events.log import Event, EventPage

T = TypeVar("T")

POLL_S: Final = 5
POLL_APPROVAL_S: Final = 30
POLL_SCHEDULED_S: Final = 60
_WAITING: Final = frozenset({codes.PENDING, codes.APPROVAL_REQUIRED})


async def when_changed(
    call: RequestContext[Any, WaitQuery],
    read: Callable[[], Awaitable[T]],
    state_of: Callable[[T], State],
    scopes: Sequence[str],
) -> T:
    """Call `read` until the state that it returns changes or is final, for at most wait_s. Return the last result."""
    found = await read()
    state = state_of(found)
    if not call.query.wait_s or state.is_final or call.method == "HEAD":
        return found
    caller = call.principal
    place = call.context.waits.waiting(caller.tenant, state.topup_id, caller.credential_id)
    with place as wait:
        async with _ended_when_gone(call.receive, wait):
            until_s = asyncio.get_running_loop().time() + call.query.wait_s
            is_waiting = await _until(until_s, wait.begin())
            while state_of(found := await read()) == state and is_waiting and not wait.is_over:
                is_waiting = await _until(until_s, wait.change())
    if call.receive is not None:
        await admitted_again(call, scopes)
    return found


async def _until(until_s: float, woken: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout_at(until_s):
            await woken
    except TimeoutError:
        return False
    return True


@contextlib.asynccontextmanager
async def _ended_when_gone(receive: Receive | None, wait: Wait) -> AsyncIterator[None]:
    if receive is None:
        yield
        return
    listening = asyncio.create_task(_end_when_gone(receive, wait))
    try:
        yield
    finally:
        is_gone = listening.done() and listening.result()
        listening.cancel()
    if is_gone:
        raise ClientGone


async def _end_when_gone(receive: Receive, wait: Wait) -> bool:
    while not has_left(message := await receive()):
        pass
    wait.end()
    return bool(message["type"] == "http.disconnect")


def poll_links(
    call: RequestContext[Any, Any],
    topup_id: str,
    status: str,
    approval_id: str | None = None,
) -> list[Link]:
    api, wait = call.home + API_PREFIX, f"?wait_s={WAIT_S_MAX}"
    # A scheduled top-up may be sent days later, so a long poll would only keep a connection busy.
    poll = f"{api}/topup/status/{topup_id}{'' if status == 'scheduled' else wait}"
    links = [Link(rel="poll", method="GET", href=poll)]
    if approval_id is not None:
        href = f"{api}/approvals/{approval_id}{wait}"
        links.append(Link(rel="approval", method="GET", href=href))
    if status == "reversing":
        return links
    body = {"transaction_id": topup_id}
    links.append(Link(rel="cancel", method="POST", href=f"{api}/topup/cancel", body=body))
    return links


def with_poll_headers(call: RequestContext[Any, Any], given: Answer) -> Answer:
    """Add headers to each response with code 1002 or 3006. The headers say what to poll, and when."""
    if code_of(given.body) in _WAITING:
        topup_id = transaction_id_of(given.body)
        location = f"{call.home}{API_PREFIX}/topup/status/{topup_id}"
        call.reply_headers += (
            (b"location", location.encode()),
            (b"retry-after", b"%d" % _poll_after_s(given.body)),
        )
    return given


def _poll_after_s(body: bytes) -> int:
    if code_of(body) == codes.APPROVAL_REQUIRED:
        return POLL_APPROVAL_S
    return POLL_SCHEDULED_S if status_of(body) == "scheduled" else POLL_S


PAGE_EVENTS: Final = 100
HEARTBEAT_S: Final = 15.0
# Credentials are cached for half a second. With this interval, the stream of a revoked key ends within a second.
CHECK_S: Final = 0.35
SEND_S_MAX: Final = 30.0
# Streams end after this time, so that clients reconnect and also reach gateways that were started later.
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
    """A stream of events.

    `check` raises an error once the caller may no longer listen. `show` inserts the codes that the caller may
    see.
    """

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
            listening = asyncio.create_task(_end_stream_when_gone(receive, subscriber))
            try:
                await self._write(send, subscriber)
            except (DomainError, StoreError):
                pass
            finally:
                listening.cancel()
            await self._send_part(send, b"", is_last=True)

    async def _write(self, send: Send, subscriber: StreamSubscriber) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        # If the client reconnects before it receives an event, it continues from this ID.
        await self._send_part(send, b"retry: %d\nid: %s\n\n" % (RECONNECT_MS, self._id()))
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
                await self._send_part(send, text)
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

    async def _send_part(self, send: Send, text: bytes, *, is_last: bool = False) -> None:
        message = {"type": "http.response.body", "body": text, "more_body": not is_last}
        try:
            async with asyncio.timeout(self._pace.send_s_max):
                await send(message)
        except TimeoutError:
            raise ClientGone from None


async def _end_stream_when_gone(receive: Receive, subscriber: StreamSubscriber) -> None:
    while not has_left(await receive()):
        pass
    subscriber.end()


def _frame(event: Event, cursor: EventCursor) -> bytes:
    assert b"\n" not in event.body, "the encoder writes one line"
    id_ = cursor._replace(event_no=event.event_no).text()
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (id_.encode(), event.type.encode(), event.body)
