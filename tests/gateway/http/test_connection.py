"""What a stranger can make one connection keep, by raw bytes on a socket: trailers, framing, more
requests than answers, answers that are not taken, and more connections than one address may hold.
"""

import asyncio
import contextlib
import ipaddress
import socket

import pytest

from gateway.http.auth import ConnectionLimits
from tests.gateway.http.test_serve import Served, closed, serving

CHUNKED = b"POST /read HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n"
POST_READ = b"POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 3000\r\n\r\n" + b"a" * 3000


async def poured(served: Served, head: bytes, unit: bytes, bytes_max: int) -> tuple[bytes, int]:
    """Sends the head and then the unit again and again; the answer, and how much of it went."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head)
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < bytes_max and not reader.at_eof():
            writer.write(unit)
            sent += len(unit)
            await writer.drain()
            await asyncio.sleep(0)
    answer = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(20):
            answer = await reader.read(65_536)
    await closed(writer)
    return answer, sent


@pytest.mark.parametrize(
    ("head", "unit"),
    [
        (CHUNKED + b"0\r\n", b"x-trailer: " + b"a" * 1000 + b"\r\n"),
        (CHUNKED + b"0\r\n", b"x: 1\r\n" * 50),
        (CHUNKED + b"1\r\na\r\n0\r\nx-trailer: ", b"a" * 1000),
        (CHUNKED, b"1;" + b"e" * 1000 + b"\r\na\r\n"),
        (CHUNKED + b"1;", b"e" * 1000),
        (CHUNKED, b"1\r\na\r\n" * 100),
    ],
    ids=[
        "long trailers",
        "many trailers",
        "one endless trailer",
        "chunk extensions",
        "one endless extension",
        "tiny chunks",
    ],
)
async def test_what_is_not_body_is_bounded_beside_the_body(head: bytes, unit: bytes) -> None:
    async with serving() as served:
        answer, sent = await poured(served, head, unit, 4_000_000)

        # What the sockets between take does not count; 41 MB of trailers once came through.
        assert sent < 4_000_000
        assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""
        assert served.read < 65_536
        assert served.ends in ([], ["http.disconnect"])


async def test_a_body_in_small_chunks_with_a_trailer_is_read_and_the_trailer_dropped() -> None:
    async with serving() as served:
        answer = await served.ask(
            CHUNKED.replace(b"host", b"connection: close\r\nhost")
            + b"5\r\nabcde\r\n" * 2000
            + b"0\r\nauthorization: Bearer x\r\nx-forwarded-for: 203.0.113.9\r\n\r\n"
        )

        assert answer.startswith(b"HTTP/1.1 200 ")
        assert [name for name, _ in served.asked[0]] == [
            b"connection",
            b"host",
            b"transfer-encoding",
        ]


@pytest.mark.parametrize("ends", [True, False], ids=["half-closed", "last one says close"])
async def test_all_requests_of_one_write_are_answered(ends: bool) -> None:
    async with serving() as served, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        # In one segment: a body among them, and the last one cut off by nothing.
        last = GET if ends else GET.replace(b"host", b"connection: close\r\nhost")
        writer.write(WAIT + GET * 1000 + POST_READ + GET * 1000 + last)
        if ends:
            writer.write_eof()
        await served.entered.wait()
        served.release.set()
        answers = await reader.read()
        await closed(writer)

        # 1 that waits, 1,000, 1 with a body, 1,000 and the last.
        assert answers.count(b"HTTP/1.1 200 ") == 2003
        assert served.read == 3000


async def test_requests_that_wait_for_their_turn_are_few_and_the_rest_is_not_read() -> None:
    async with serving() as served:
        # Nothing is answered: what the sockets between take is all that goes.
        answer, sent = await asyncio.wait_for(_stuffed(served, WAIT, GET * 100, 64_000_000), 60)

        assert answer == b""
        assert sent < 32_000_000
        served.release.set()


async def _stuffed(served: Served, head: bytes, unit: bytes, bytes_max: int) -> tuple[bytes, int]:
    """Send the head and then the unit until the server takes no more for half a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < bytes_max:
            writer.write(unit)
            sent += len(unit)
            await asyncio.wait_for(writer.drain(), 0.5)
    answer = b""
    with contextlib.suppress(TimeoutError):
        answer = await asyncio.wait_for(reader.read(65_536), 0.1)
    writer.transport.abort()
    return answer, sent


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (b"no http\r\n\r\n", b"400"),
        (b"GET /healthz\r\n\r\n", b"400"),
        (b"GET http://a HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx-long: " + b"a" * 40_000, b"431"),
        (CHUNKED + b"1;" + b"e" * 100_000, b"431"),
    ],
    ids=["no HTTP", "no version", "an address without a path", "a long head", "an endless chunk"],
)
async def test_what_is_refused_ends_the_connection_behind_the_answers_before_it(
    refused: bytes, status: bytes
) -> None:
    async with serving() as served, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(WAIT + GET * 3 + refused + GET)
        await served.entered.wait()
        await asyncio.sleep(0.05)
        served.release.set()
        answers = b""
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(65_536):
                answers += part
        await closed(writer)

        found = [line[9:12] for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        assert found == [b"200"] * 4 + [status]


async def test_a_request_without_a_version_is_no_http() -> None:
    async with serving() as served:
        assert (await served.ask(b"GET /healthz\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert served.asked == []


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"gzip\r\ntransfer-encoding: chunked"])
async def test_a_transfer_coding_that_we_do_not_know_is_501_and_its_body_is_not_read(
    coding: bytes,
) -> None:
    async with serving() as served:
        head = b"POST /read HTTP/1.1\r\nhost: a\r\ntransfer-encoding: %b\r\n\r\n" % coding
        answer = await served.ask(head + b"5\r\nabcde\r\n0\r\n\r\n" + GET)

        assert answer.startswith(b"HTTP/1.1 501 ")
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.count(b"HTTP/1.1 ") == 1
        assert served.read == 0
        assert (
            await served.ask(CHUNKED.replace(b"chunked", b"CHUNKED ") + b"0\r\n\r\n")
        ).startswith(b"HTTP/1.1 200 ")


async def test_an_early_answer_to_who_waits_to_send_a_body_ends_the_connection() -> None:
    async with serving() as served:
        head = b"POST %b HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n"

        # The client sends no body, since the answer came without it: a request that follows is none.
        refused = await served.ask(head % (b"/", len(GET)))
        assert refused.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in refused
        # One that sent it unasked, and one that was asked for it, may go on.
        whole = await served.ask(head % (b"/", 5) + b"abcde")
        assert whole.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" not in whole
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(head % (b"/read", 5))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abcde" + GET.replace(b"host", b"connection: close\r\nhost"))
        assert (await reader.read()).count(b"HTTP/1.1 200 ") == 2
        await closed(writer)


async def test_a_connection_on_which_nothing_more_is_asked_is_closed() -> None:
    async with serving(keep_alive_s=0.2) as served, asyncio.timeout(20):
        asking_reader, asking_writer = await _answered_early(served)
        served.entered.clear()
        # What is asked in one piece with the end of that body goes on, however long it takes.
        asking_writer.write(b"abcde" + WAIT)
        await served.entered.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(GET)
        early_reader, early_writer = await _answered_early(served)
        # Its body comes when it is answered already.
        early_writer.write(b"abcde")

        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1" not in await early_reader.read()
        served.release.set()
        await asking_reader.readuntil(b"HTTP/1.1 200 ")
        for each in (writer, early_writer, asking_writer):
            await closed(each)


async def _answered_early(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection whose request was answered before its body of five bytes has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
    return reader, writer


async def test_line_ends_between_requests_keep_no_connection() -> None:
    async with serving(request_read_s_max=0.2) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(GET)
        assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200 ")

        ended = asyncio.ensure_future(reader.read())
        async with asyncio.timeout(20):
            while not ended.done():
                writer.write(b"\r\n")
                await asyncio.sleep(0.05)
        await closed(writer)

        # Closed, or reset where our last line end met the closed socket.
        assert ended.exception() is None or isinstance(ended.exception(), ConnectionError)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET http://a HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT a:80 HTTP/1.1\r\n\r\n", b"400"),
        (b"\r\n" * 24_000, b"431"),
    ],
    ids=["an address without a path", "a tunnel", "48 kB of line ends"],
)
async def test_what_begins_with_no_request_is_told_so(sent: bytes, status: bytes) -> None:
    async with serving() as served:
        assert (await served.ask(sent)).startswith(b"HTTP/1.1 %b " % status)


async def answers_of(served: Served, *parts: bytes) -> int:
    """How many are answered with 200 until the server closes; each part is sent once the one before is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    async with asyncio.timeout(20):
        for part in parts:
            writer.write(part)
            await served.entered.wait()
        answers = await reader.read()
    await closed(writer)
    return answers.count(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("framing", [b"content-length: 31", b"transfer-encoding: chunked"])
@pytest.mark.parametrize("is_split", [True, False], ids=["in parts", "at once"])
async def test_a_body_behind_an_upgrade_is_that_requests_body(
    framing: bytes, is_split: bool
) -> None:
    head = b"POST /read HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n%b\r\n\r\n"
    body = WAIT if b"length" in framing else b"1f\r\n%b\r\n0\r\n\r\n" % WAIT
    last = GET.replace(b"host", b"connection: close\r\nhost")
    async with serving() as served:
        parts = (head % framing, body + last) if is_split else (head % framing + body + last,)

        assert await answers_of(served, *parts) == 2
        assert served.read == len(WAIT)
        assert len(served.asked) == 2


async def test_no_request_sees_what_another_set_on_its_connection() -> None:
    async with serving() as served:
        # Reading stops for the long body, and goes on in the first request's task.
        first = b"POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n"
        last = GET.replace(b"host", b"connection: close\r\nhost")

        assert await answers_of(served, first, b"a" * 200_000, GET * 3, last) == 5
        assert served.earlier == ["nothing"] * 5


async def test_the_request_under_way_is_told_of_a_client_that_left_another_behind_it() -> None:
    async with serving() as served, asyncio.timeout(20):
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /listen HTTP/1.1\r\nhost: a\r\n\r\n" + GET)
        await served.entered.wait()
        await closed(writer)

        await served.answered.wait()


def connect(port: int) -> socket.socket:
    """A connection that takes little before it is read from."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.setblocking(False)
    return client


async def test_a_client_that_takes_nothing_of_its_answer_is_cut() -> None:
    loop = asyncio.get_running_loop()
    async with serving(answer_taken_s_max=0.2) as served:
        with connect(served.port) as client:
            await loop.sock_sendall(client, b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
            async with asyncio.timeout(20):
                await served.answered.wait()
            taken = 0
            with contextlib.suppress(ConnectionError):
                while part := await loop.sock_recv(client, 65_536):
                    taken += len(part)

        # It was cut while it waited: what came is what the two sockets held, not 65 MB.
        assert taken < 30_000_000


async def test_a_client_that_reads_gets_all_of_a_large_answer() -> None:
    async with serving(answer_taken_s_max=0.2) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        taken = 0
        while part := await reader.read(1_000_000):
            taken += len(part)
        await closed(writer)

        assert taken > 65_536_000


async def test_one_address_holds_so_many_connections_and_no_more() -> None:
    async with serving(limits=ConnectionLimits(2)) as served:
        kept = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(2)]
        for reader, writer in kept:
            writer.write(GET)
            assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200 ")

        refused = await served.ask(b"")
        await closed(kept.pop()[1])
        accepted = b""
        while not accepted.startswith(b"HTTP/1.1 200 "):
            # The server learns of the end a moment later.
            accepted = await served.ask(GET.replace(b"host", b"connection: close\r\nhost"))
        await closed(kept.pop()[1])

        assert refused.startswith(b"HTTP/1.1 429 ")


def test_proxies_and_sockets_without_an_address_are_not_counted() -> None:
    limits = ConnectionLimits(1, [ipaddress.ip_network("10.0.0.0/8")])

    assert [limits.counted_as(peer) for peer in ("10.1.2.3", "::ffff:10.1.2.3", None, "")] == [
        None
    ] * 4
    assert limits.counted_as("203.0.113.9") == "203.0.113.9"


def test_an_ipv6_client_counts_by_its_network() -> None:
    limits = ConnectionLimits(1)
    one, other = limits.counted_as("2001:db8::1"), limits.counted_as("2001:db8::2")
    assert one is not None
    assert other is not None

    assert limits.open(one)
    assert not limits.open(other)
    limits.close(one)
    assert limits.open(other)


def test_zero_counts_nobody() -> None:
    assert ConnectionLimits(0).counted_as("203.0.113.9") is None
