import asyncio
import gzip

import pytest

from tests.support.name_server import NameServer
from tests.support.scripted_receiver import OK, Client, Start, Talk, always, send


async def test_slow_name_server_cannot_outlast_the_deadline(
    start: Start, client: Client, names: NameServer
) -> None:
    receiver = await start(always(OK))
    names.zone = {"hook.example": ["DROP"]}
    transport = client()

    outcome = await send(transport, receiver, timeout_s=0.1)

    assert (outcome.status, outcome.error) == (None, "timeout")
    assert "dns" in (outcome.reason or "")


async def test_silent_receiver_times_out_and_is_not_kept(start: Start, client: Client) -> None:
    async def handler(talk: Talk) -> None:
        await talk.request()
        await talk.reader.read()

    receiver, transport = await start(handler), client()

    outcome = await send(transport, receiver, timeout_s=0.5)

    assert (outcome.status, outcome.error, outcome.remote_address) == (None, "timeout", "127.0.0.1")
    assert transport.idle_connections == 0


@pytest.mark.parametrize(
    ("opening", "status", "body"),
    [
        (b"", None, b""),
        (b"HTTP/1.1 200 OK\r\nX-A: ", None, b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 200, b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", 200, b"x"),
    ],
)
async def test_byte_by_byte_does_not_stretch_the_one_deadline(
    start: Start, client: Client, opening: bytes, status: int | None, body: bytes
) -> None:
    drip = (opening or b"HTTP/1.1 200 OK\r\nX-A: ").ljust(10_000, b"x")

    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.say(opening)
        for byte in drip[len(opening) :]:
            talk.say(bytes([byte]))
            await asyncio.sleep(0.03)

    receiver = await start(handler)

    outcome = await send(client(), receiver, timeout_s=0.6)

    assert (outcome.status, outcome.error) == (status, "timeout")
    assert outcome.response_body.startswith(body)


async def test_cancelled_request_leaves_no_connection_behind(start: Start, client: Client) -> None:
    asked = asyncio.Event()

    async def handler(talk: Talk) -> None:
        await talk.request()
        asked.set()
        await talk.reader.read()

    receiver, transport = await start(handler), client()
    task = asyncio.create_task(send(transport, receiver))
    await asked.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert transport.idle_connections == 0


async def test_endless_body_is_cut_and_the_status_stands(start: Start, client: Client) -> None:
    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.say(b"HTTP/1.1 200 OK\r\n\r\n")
        await talk.flood(b"x" * 10_000)

    receiver, transport = await start(handler), client()

    outcome = await send(transport, receiver)

    assert (outcome.status, outcome.error, outcome.is_cut) == (200, None, True)
    assert outcome.response_body == b"x" * 4096
    assert transport.idle_connections == 0


@pytest.mark.parametrize("size", [4097, 65_536])
async def test_body_up_to_64_kib_is_read_and_4_kib_kept(
    start: Start, client: Client, size: int
) -> None:
    receiver = await start(
        always(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"y" * size)
    )
    transport = client()

    outcome = await send(transport, receiver)

    assert (outcome.status, outcome.is_cut, len(outcome.response_body)) == (200, True, 4096)
    assert transport.idle_connections == 1


async def test_gzip_bomb_stays_small(start: Start, client: Client) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    receiver = await start(always(head + bomb))

    outcome = await send(client(), receiver)

    assert outcome.status == 200
    assert outcome.response_body == bomb[:4096]


@pytest.mark.parametrize(
    "piece", [b"1;" + b"e" * 4000 + b"\r\nx\r\n", b"0\r\n" + b"T: " + b"t" * 300_000]
)
async def test_endless_chunk_framing_is_cut(start: Start, client: Client, piece: bytes) -> None:
    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await talk.flood(piece)

    receiver, transport = await start(handler), client()

    outcome = await send(transport, receiver)

    assert outcome.status == 200
    assert outcome.error in {None, "protocol"}
    assert transport.idle_connections == 0


@pytest.mark.parametrize(
    ("opening", "flood"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 100 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1000),
        (b"HTTP/1.1 200 ", b"O" * 1000),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        (b"", b"\r\n"),
        (b"", b"GARBAGE"),
        (b"", b"\0"),
    ],
)
async def test_endless_head_is_refused(
    start: Start, client: Client, opening: bytes, flood: bytes
) -> None:
    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.say(opening)
        await talk.flood(flood)

    receiver = await start(handler)

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.error) == (None, "protocol")


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n",
        b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
)
async def test_what_is_not_http_1_is_refused(start: Start, client: Client, answer: bytes) -> None:
    receiver, transport = await start(always(answer)), client()

    outcome = await send(transport, receiver)

    assert (outcome.status, outcome.error) == (None, "protocol")
    assert transport.idle_connections == 0


async def test_body_cut_short_is_a_failure(start: Start, client: Client) -> None:
    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!")
        talk.hang_up()

    receiver = await start(handler)

    outcome = await send(client(), receiver)

    assert (outcome.status, outcome.error, outcome.response_body) == (200, "protocol", b"five!")
    assert len(receiver.talks) == 1


async def test_second_answer_nobody_asked_for_is_never_used(start: Start, client: Client) -> None:
    receiver, transport = await start(always(OK + OK)), client()

    first = await send(transport, receiver)
    second = await send(transport, receiver)

    assert (first.status, second.status) == (200, 200)
    assert [len(talk.requests) for talk in receiver.talks] == [1, 1]


async def test_bytes_that_come_while_idle_end_the_connection(start: Start, client: Client) -> None:
    async def handler(talk: Talk) -> None:
        await talk.request()
        talk.say(OK)
        await later.wait()
        talk.say(OK)
        await talk.reader.read()
        gone.set()

    later, gone = asyncio.Event(), asyncio.Event()
    receiver, transport = await start(handler), client()
    await send(transport, receiver)

    later.set()
    await asyncio.wait_for(gone.wait(), 5)
    later.set()
    outcome = await send(transport, receiver)

    assert outcome.status == 200
    assert len(receiver.talks) == 2
