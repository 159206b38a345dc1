"""Wait until what a route reads changes, or until ?wait_s= is over; and say what to poll, and when.

No transaction is open meanwhile.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from starlette.types import Receive

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import code_of, status_of, transaction_id_of
from gateway.answers.words import API_PREFIX
from gateway.http.body import ClientGone
from gateway.http.connection.exchange import has_left
from gateway.http.lists import admitted_again
from gateway.http.request_context import RequestContext
from kernel.words import Link
from keys.act import WAIT_S_MAX, State, WaitQuery
from webhooks.events.feed import Wait

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
    """Return what read gives once its state changes, or after wait_s; at once if that is final."""
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
    # A scheduled one may be days away: a poll that waits for it would only hold a connection.
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


def told_to_poll(call: RequestContext[Any, Any], given: Answer) -> Answer:
    """Add headers that say what to poll and when to a response of 1002 or 3006, on replays, too."""
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
