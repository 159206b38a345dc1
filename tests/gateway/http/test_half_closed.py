"""A client that says, by closing its side of the connection, that it asks nothing more, and reads on: `nc -N` does
so, and some proxies. What it asked as a whole is answered, and the connection ends.
"""

import asyncio
import contextlib
import socket

import pytest
import uvloop

from tests.gateway.http.test_connection import CHUNKED, GET, WAIT, connect
from tests.gateway.http.test_serve import closed, serving
from tests.support.gateway import API, Gateway
from tests.support.senders import order

READ = b"POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n"
LISTEN = b"GET /listen HTTP/1.1\r\nhost: a\r\n\r\n"


async def said_to(port: int, sent: bytes, *, release: asyncio.Event | None = None) -> bytes:
    """All that comes back for these bytes and the end of the client's side, until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    writer.write_eof()
    if release is not None:
        # The end of its side has come long before.
        await asyncio.sleep(0.05)
        release.set()
    answer = b""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError):
            answer = await reader.read()
    await closed(writer)
    return answer


def statuses(answer: bytes) -> list[bytes]:
    return [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    ("sent", "answers", "read"),
    [
        (GET, 1, 0),
        (GET.replace(b"GET", b"HEAD"), 1, 0),
        (READ + b"123456789", 1, 9),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", 1, 3),
        (READ.replace(b": 9", b": 200000") + b"a" * 200_000, 1, 200_000),
        (LISTEN, 1, 0),
        (GET * 3 + LISTEN + READ + b"123456789", 5, 9),
        # What is not whole is no request; what came before it is.
        (GET + b"GET / HTTP/1.1\r\nhost:", 1, 0),
        (GET + READ + b"half", 1, 4),
        (GET.replace(b"GET", b"FOO/"), 1, 0),
    ],
)
async def test_what_was_asked_as_a_whole_is_answered(sent: bytes, answers: int, read: int) -> None:
    async with serving() as served:
        answer = await said_to(served.port, sent)

        assert len(statuses(answer)) == answers
        assert served.read == read


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP", READ, READ + b"half", CHUNKED + b"3\r\nab", CHUNKED + b"3\r\nabc\r\n"],
)
async def test_what_is_cut_off_is_not_answered_and_closed(sent: bytes) -> None:
    async with serving() as served:
        assert await said_to(served.port, sent) == b""
        if b"/read" in sent:
            async with asyncio.timeout(20):
                await served.answered.wait()
            assert served.ends == ["http.disconnect"]


@pytest.mark.parametrize("behind", [b"", GET, GET + READ + b"half", GET + b"GET /"])
async def test_an_answer_that_takes_its_time_comes_too(behind: bytes) -> None:
    async with serving() as served:
        answer = await said_to(served.port, WAIT + behind, release=served.release)

    assert statuses(answer) == [b"200"] * (1 + behind.count(b"GET / HTTP"))


async def test_one_that_reads_nothing_of_its_answer_is_cut() -> None:
    loop = asyncio.get_running_loop()
    async with serving(answer_taken_s_max=0.2) as served:
        with connect(served.port) as client:
            await loop.sock_sendall(client, b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(20):
                await served.answered.wait()
        assert len(served.asked) == 1


async def test_a_stop_waits_for_the_answer_and_for_nothing_more() -> None:
    async with serving() as served:
        asking = asyncio.create_task(said_to(served.port, WAIT))
        await served.entered.wait()
        served.stop()
        await asyncio.sleep(0.05)
        served.release.set()
        assert statuses(await asking) == [b"200"]
        async with asyncio.timeout(20):
            await served.ended


def test_it_is_so_on_the_loop_of_the_product() -> None:
    async def asked() -> tuple[bytes, bytes]:
        async with serving() as served:
            cut = await said_to(served.port, READ + b"half")
            return cut, await said_to(served.port, WAIT + LISTEN, release=served.release)

    cut, whole = uvloop.run(asked())

    assert (cut, statuses(whole)) == (b"", [b"200", b"200"])


def head(method: str, path: str, key: str) -> bytes:
    return (
        f"{method} {API}{path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\r\n".encode()
    )


@pytest.mark.one_database
async def test_the_api_answers_waits_lists_and_streams(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    sent = await gateway.call(
        "POST", "/topup/send", key=key, json=order(1000, email="pending@sandbox.test")
    )
    waiting = f"/topup/status/{sent.json()['transaction_id']}?wait_s=50"
    port = gateway.client.base_url.port
    assert port is not None

    listed = await said_to(port, head("GET", "/topup/history?format=csv", key))
    # What only waits for a change answers with the state of now.
    waited = await said_to(port, head("GET", waiting, key))
    # What has no end begins, and ends.
    streamed = await said_to(port, head("GET", "/events/stream", key))

    assert [statuses(one) for one in (listed, waited, streamed)] == [[b"200"]] * 3
    assert b"pending@sandbox.test" in listed
    assert listed.endswith(b"\r\n0\r\n\r\n")
    assert b'"code":1002' in waited
    assert b"retry: 1000" in streamed
    assert streamed.endswith(b"0\r\n\r\n")
