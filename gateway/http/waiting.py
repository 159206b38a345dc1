"""Wait until what a route reads changes, or until ?wait_s= is over.

Nothing of the database is held meanwhile. A client that leaves ends its wait.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from starlette.types import Receive

from gateway.http.body import ClientGone
from gateway.http.connection.exchange import has_left
from gateway.http.lists import admitted_again
from gateway.http.request_context import RequestContext
from keys.act import State, WaitQuery
from webhooks.events.feed import Wait

T = TypeVar("T")


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
    """End the wait when the client has left, and raise ClientGone."""
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
