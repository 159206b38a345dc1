"""What a stranger can make one connection keep, by raw bytes on a socket: trailers, framing, more
requests than answers, answers that are not taken, and more connections than one address may hold.
"""

import asyncio
import contextlib
import ipaddress
import socket

import pytest

from gateway.http.connection_limits import ConnectionLimits
from tests.gateway.http.test_serve import Served, closed, serving

CHUNKED = b"POST /read HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n"


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


async def test_requests_before_their_turn_are_few() -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(WAIT + GET * 16)
        await served.entered.wait()
        served.release.set()
        answers = b""
        while answers.count(b"HTTP/1.1 200 ") < 17:
            answers += await reader.read(65_536)
        writer.write(WAIT + GET * 2000)
        rest = await reader.read()
        await closed(writer)

        # None that was sent before its turn is answered with the refusal of a later one.
        assert b" 429 " not in rest
        assert len(served.asked) < 40


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


async def test_a_refusal_is_no_answer_to_the_request_before() -> None:
    async with serving() as served:
        answer = await served.ask(WAIT + b"GET http://a HTTP/1.1\r\n\r\n")
        served.release.set()

        assert answer == b""


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
