import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from tests.support.name_server import NameServer
from tests.support.scripted_receiver import OK, Client, Start, Talk, always, send
from webhooks.http.connection import (
    Connection,
    DialError,
    IdlePool,
    _discard,
    check_peer,
    client_ssl_context,
    dial,
)
from webhooks.http.guard import Policy, check_url


@contextlib.contextmanager
def deaf_port(host: str, port: int = 0) -> Iterator[int]:
    """A port whose backlog is full, which leaves further callers without any answer."""
    with contextlib.ExitStack() as opened:
        server = opened.enter_context(socket.create_server((host, port), backlog=0))
        address = server.getsockname()
        for _ in range(4):
            caller = opened.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(address)
        yield address[1]


async def test_slow_address_does_not_hold_up_the_next(
    start: Start, client: Client, names: NameServer
) -> None:
    with deaf_port("127.0.0.1") as port:
        receiver = await start(always(OK), host="127.0.0.2", port=port)
        names.zone = {"hook.example": ["127.0.0.1", "127.0.0.2"]}

        outcome = await send(client(), receiver)

    assert (outcome.status, outcome.remote_address) == (200, "127.0.0.2")


async def test_addresses_that_are_all_slow_end_at_the_deadline(
    client: Client, names: NameServer
) -> None:
    with deaf_port("127.0.0.1") as port, deaf_port("127.0.0.2", port):
        names.zone = {"hook.example": ["127.0.0.1", "127.0.0.2"]}

        outcome = await client().post(f"http://hook.example:{port}/", [], b"", 0.6)

    assert (outcome.status, outcome.error) == (None, "timeout")
    assert "connect" in (outcome.reason or "")


async def test_winner_that_comes_second_is_closed() -> None:
    async def win() -> socket.socket | DialError:
        return late

    late = socket.socket()
    loser = asyncio.create_task(win())
    await loser

    _discard(loser)

    assert late.fileno() == -1


async def test_process_without_free_descriptors_fails_the_attempt_and_recovers(
    start: Start, client: Client
) -> None:
    receiver, transport = await start(always(OK)), client()
    url = f"http://127.0.0.1:{receiver.port}/"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)

    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        starved = await transport.post(url, [], b"", 5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    recovered = await transport.post(url, [], b"", 5)

    assert (starved.status, starved.error, recovered.status) == (None, "connect", 200)


def test_socket_that_ends_elsewhere_or_at_itself_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as elsewhere:
            check_peer(elsewhere, "127.0.0.1", port)
            with pytest.raises(ConnectionError, match="vetted"):
                check_peer(elsewhere, "127.0.0.2", port)
    with socket.socket() as narcissus:
        narcissus.bind(("127.0.0.1", 0))
        own_port = narcissus.getsockname()[1]
        narcissus.connect(("127.0.0.1", own_port))
        with pytest.raises(ConnectionError, match="itself"):
            check_peer(narcissus, "127.0.0.1", own_port)


async def test_connection_lost_before_its_request_answers_at_once() -> None:
    connection = Connection(asyncio.get_running_loop(), "127.0.0.1")

    reply = await connection.exchange(b"", body_bytes_max=1, body_bytes_kept_max=1)

    assert (reply.status, reply.error, reply.first_byte_s) == (None, "protocol", None)


async def test_idle_connection_is_closed_without_further_traffic(start: Start) -> None:
    gone = asyncio.Event()

    async def handler(talk: Talk) -> None:
        await talk.reader.read()
        if talk.number == 1:
            gone.set()

    receiver = await start(handler)
    url = check_url(f"http://127.0.0.1:{receiver.port}/", Policy(allow_private=True))
    origin = ("acc_1", "http", "127.0.0.1", url.port)
    loop = asyncio.get_running_loop()
    pool, context = IdlePool(sweep_s=0.01), client_ssl_context()
    kept = [await dial(url, ["127.0.0.1"], context) for _ in range(2)]

    pool.give(origin, kept[0].connection, loop.time() - 61.0)
    pool.give(origin, kept[1].connection, loop.time())

    await asyncio.wait_for(gone.wait(), 5)
    assert len(pool) == 1
    assert pool.take(origin, ["127.0.0.2"], loop.time()) is None
    assert len(pool) == 0
    pool.close()
