"""GET /events/stream: live, resumed and filtered; and when it ends."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from gateway.app import create_app
from gateway.http.body import ClientGone
from gateway.http.serve import serve
from gateway.http.waiting import EventStream, StreamWaits
from kernel.tenant import Tenant
from keys.principal import CredentialEnded
from runtime.supervisor import bind_listener
from tests.support.gateway import API, Gateway, running, settings_of
from tests.support.plain_http import http_client
from webhooks.events.cursor import EventCursor
from webhooks.events.feed import STREAMS_PER_HOLDER, STREAMS_PER_TENANT

DEADLINE_S = 30.0
GOOD = {"platform": "claude", "amount_cents": 100, "recipient_email": "user@example.com"}
CHILD = {"name": "child", "scopes": ["webhooks:read"]}


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a stream; comments are skipped. No data: only the cursor moved."""

    id: str
    event: str | None
    data: str | None


class Stream:
    """A client that reads block by block."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def block(self) -> Block | None:
        """The next block, or None at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(DEADLINE_S):
            async for line in self._lines:
                if line == "" and "id" in fields:
                    return Block(fields["id"], fields.get("event"), fields.get("data"))
                name, _, value = line.partition(": ")
                fields[name] = value
        return None

    async def event(self) -> Block | None:
        """The next block with an event in it."""
        while (block := await self.block()) is not None and block.data is None:
            pass
        return block


@contextlib.asynccontextmanager
async def listening(
    gateway: Gateway, key: str, path: str = "/events/stream", **headers: str
) -> AsyncIterator[Stream]:
    """A stream whose first block, which holds the cursor alone, has come."""
    given = {"Authorization": f"Bearer {key}", **headers}
    async with gateway.client.stream("GET", API + path, headers=given, timeout=DEADLINE_S) as got:
        assert got.status_code == 200, await got.aread()
        opened = Stream(got)
        first = await opened.block()
        assert first is not None
        assert first.data is None
        yield opened


async def send(gateway: Gateway, key: str, **fields: Any) -> str:
    answer = await gateway.call("POST", "/topup/send", key=key, json={**GOOD, **fields})
    return str(answer.json()["transaction_id"])


async def test_an_event_is_streamed_with_its_number_its_type_and_its_signed_bytes(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    await send(gateway, key)  # before the stream began
    async with listening(gateway, key) as stream:
        transaction_id = await send(gateway, key)
        block = await stream.event()

    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.response.headers["cache-control"] == "no-store"
    assert block is not None
    assert (block.id, block.event) == ("0-2", "topup.delivered")
    assert json.loads(block.data or "")["data"]["transaction_id"] == transaction_id
    polled = await gateway.call("GET", "/events?after=0-1", key=key)
    assert f'"items":[{block.data}]'.encode() in polled.content


async def test_a_stream_goes_on_from_the_last_event_that_the_client_had(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    sent = [await send(gateway, key) for _ in range(3)]
    async with listening(gateway, key, "/events/stream?after=0") as stream:
        whole = [await stream.event() for _ in range(3)]
    async with listening(
        gateway, key, "/events/stream?after=0", **{"Last-Event-ID": "0-2"}
    ) as stream:
        rest = await stream.event()

    ids = [json.loads(block.data or "")["data"]["transaction_id"] for block in whole if block]
    assert ids == sent
    assert rest == whole[2]


async def test_a_stream_of_one_type_moves_its_cursor_past_the_others(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    path = "/events/stream?after=0&type=topup.failed"
    for _ in range(2):
        await send(gateway, key)
    async with listening(gateway, key, path) as stream:
        await send(gateway, key, recipient_email="failed@sandbox.test")
        block = await stream.event()

    assert block is not None
    assert (block.id, block.event) == ("0-3", "topup.failed")


async def test_what_another_gateway_commits_is_streamed_too(
    gateway: Gateway, database_url: str, tmp_path: Path
) -> None:
    key = await gateway.key(await gateway.account())
    async with (
        running(settings_of(database_url, tmp_path)) as other,
        listening(gateway, key) as stream,
    ):
        await send(other, key)
        block = await stream.event()

    assert block is not None
    assert block.id == "0-1"


async def test_a_stream_hears_its_own_account_and_environment_alone(gateway: Gateway) -> None:
    mine, other = await gateway.account(), await gateway.account()
    key, live = await gateway.key(mine), await gateway.key(mine, "live")
    stranger = await gateway.key(other)
    async with (
        listening(gateway, live) as of_live,
        listening(gateway, stranger) as of_stranger,
    ):
        await send(gateway, key)
        own = await send(gateway, stranger)
        heard = await of_stranger.event()
        gateway.context.feed.close()
        ends = [await of_live.event(), await of_stranger.event()]

    assert heard is not None
    assert own in (heard.data or "")
    assert ends == [None, None]


async def test_many_streams_hold_neither_connections_nor_transactions(gateway: Gateway) -> None:
    account_id = await gateway.account()
    keys = [await gateway.key(account_id) for _ in range(STREAMS_PER_TENANT // STREAMS_PER_HOLDER)]
    async with contextlib.AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(listening(gateway, key))
            for key in keys
            for _ in range(STREAMS_PER_HOLDER)
        ]
        for _ in range(3):
            await send(gateway, keys[0])
        ids = [
            [(await stream.event() or Block("", "", "")).id for _ in range(3)] for stream in streams
        ]

    assert ids == [["0-1", "0-2", "0-3"]] * 20


async def test_one_stream_too_many_is_told_when_to_come_back(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(STREAMS_PER_HOLDER):
            await stack.enter_async_context(listening(gateway, key))
        refused = await gateway.call("GET", "/events/stream", key=key)
        asked = await gateway.call("HEAD", "/events/stream", key=key)

    assert (refused.status_code, refused.json()["code"]) == (429, 4001)
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["data"]["error"]["limit"] == 5
    assert (asked.status_code, asked.content) == (200, b"")


async def test_a_place_is_free_again_once_the_client_has_gone(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    for _ in range(3 * STREAMS_PER_HOLDER):
        async with asyncio.timeout(DEADLINE_S):
            while True:
                with contextlib.suppress(AssertionError):
                    async with listening(gateway, key):
                        break
                await asyncio.sleep(0.02)


async def until_the_end(stream: Stream) -> AsyncIterator[Block]:
    while (event := await stream.event()) is not None:
        yield event


async def test_a_revoked_keys_stream_ends(gateway: Gateway) -> None:
    account_id = await gateway.account()
    parent, key = await gateway.key(account_id), ""
    made = await gateway.call("POST", "/keys", key=parent, json=CHILD)
    key = made.json()["data"]["key"]
    async with listening(gateway, key) as stream:
        gone = await gateway.call("DELETE", f"/keys/{made.json()['data']['id']}", key=parent)
        assert gone.status_code == 200
        # It may yet tell of its own end.
        told = [event async for event in until_the_end(stream)]

    again = await gateway.call("GET", "/events/stream", key=key)
    assert {event.event for event in told} <= {"key.revoked"}
    assert (again.status_code, again.json()["code"]) == (401, 2010)


@pytest.mark.one_database
@pytest.mark.parametrize("last_id", ["evt_1", "-1", "1.5", "9" * 30])
async def test_a_last_event_id_that_is_none_is_refused(gateway: Gateway, last_id: str) -> None:
    key = await gateway.key(await gateway.account())

    answer = await gateway.call(
        "GET",
        "/events/stream",
        key=key,
        headers={"Last-Event-ID": last_id},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, 2007)
    assert answer.json()["data"]["error"]["param"] == "Last-Event-ID"


async def test_a_stopping_gateway_ends_its_streams_and_does_not_wait_for_them(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    listener = bind_listener("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    read_fd, write_fd = os.pipe()
    ready = asyncio.Event()
    context = gateway.context
    serving = asyncio.create_task(
        serve(
            create_app(context),
            [listener],
            parent_fd=read_fd,
            on_ready=ready.set,
            on_drain=context.feed.close,
        )
    )
    await ready.wait()
    async with http_client(base_url=url) as client:
        async with listening(Gateway(context, url, client), key) as stream:
            os.close(write_fd)
            ended = await stream.event()
        # Well before the drain's own limit would cut it.
        await asyncio.wait_for(serving, 8)
    os.close(read_fd)

    assert ended is None
    refused = await gateway.call("GET", "/events/stream", key=key)
    assert refused.status_code == 503


# What no client can wait for: the application itself, with short waits.


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def may() -> None:
    """The credential is good."""


async def stream_of(
    gateway: Gateway, pace: StreamWaits, check: Callable[[], Awaitable[None]] = may
) -> EventStream:
    tenant = Tenant(await gateway.account(), "staging")
    return EventStream(
        gateway.context.database,
        tenant,
        gateway.context.feed.subscribe(tenant, "key_1"),
        check=check,
        event_type=None,
        begin_at=EventCursor(0, 0),
        pace=pace,
    )


async def test_an_idle_stream_shows_that_it_lives_and_ends_in_the_end(gateway: Gateway) -> None:
    said: list[Message] = []

    async def keep(message: Message) -> None:
        said.append(message)

    stream = await stream_of(gateway, StreamWaits(heartbeat_s=0.01, check_s=0.01, life_s_max=0.3))
    await stream({}, never, keep)

    bodies = [message["body"] for message in said[1:]]
    assert bodies[0] == b"retry: 1000\nid: 0-0\n\n"
    assert set(bodies[1:-1]) == {b": alive\nid: 0-0\n\n"}
    assert (bodies[-1], said[-1]["more_body"]) == (b"", False)


async def test_a_client_that_takes_nothing_is_cut(gateway: Gateway) -> None:
    async def stuck(message: Message) -> None:
        if message["type"] == "http.response.body":
            await never()

    stream = await stream_of(gateway, StreamWaits(send_s_max=0.05))
    with pytest.raises(ClientGone):
        await stream({}, never, stuck)


async def test_an_ended_credential_gets_no_event_more(gateway: Gateway) -> None:
    said: list[Message] = []

    async def keep(message: Message) -> None:
        said.append(message)

    async def may_not() -> None:
        raise CredentialEnded("revoked")

    stream = await stream_of(gateway, StreamWaits(), may_not)
    await stream({}, never, keep)

    assert [message.get("body", b"") for message in said] == [
        b"",
        b"retry: 1000\nid: 0-0\n\n",
        b"",
    ]
