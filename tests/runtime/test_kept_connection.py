"""A kept connection comes back by itself from whatever was in its way, as the pool's do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from runtime.redis_link import RedisAway, RedisLink
from tests.support.redis_server import redis_server, say, until_back


@dataclass(slots=True)
class Address:
    """Of loopback, which leads each new connection to target, once wait_s have passed."""

    target: int
    wait_s: float = 0.0
    port: int = 0

    async def accept(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.wait_s)
        answers, server = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(_pass(client, server), _pass(answers, back))


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65_536):
            sink.write(data)
    sink.close()


@contextlib.asynccontextmanager
async def address_of(target: int, *, wait_s: float = 0.0) -> AsyncIterator[Address]:
    address = Address(target, wait_s)
    server = await asyncio.start_server(address.accept, "127.0.0.1", 0)
    address.port = server.sockets[0].getsockname()[1]
    async with server:
        yield address


@contextlib.asynccontextmanager
async def linked(port: int, *, timeout_s: float) -> AsyncIterator[RedisLink]:
    # Another database than the first is chosen by a command as the connection is opened.
    link = RedisLink(f"redis://127.0.0.1:{port}/1", timeout_s=timeout_s)
    yield link
    await link.aclose()


@pytest.fixture
def server() -> Iterator[int]:
    with redis_server() as port:
        yield port


async def test_one_that_takes_longer_to_open_than_a_call_may_take_is_opened_by_the_probe(
    server: int,
) -> None:
    async with (
        address_of(server, wait_s=0.6) as address,
        linked(address.port, timeout_s=0.3) as link,
    ):
        kept = link.connect()
        with pytest.raises(RedisAway):
            await link.execute(kept, "ECHO", "first")
        await until_back(link)

        assert await link.execute(kept, "ECHO", "second") == b"second"
        assert link.is_up


async def test_one_that_leads_to_a_replica_by_now_is_opened_anew(server: int) -> None:
    with redis_server() as promoted:
        async with address_of(server) as address, linked(address.port, timeout_s=1.0) as link:
            kept = link.connect()
            assert await link.execute(kept, "INCR", "n") == 1
            # So does the pool's, by which the probe asks.
            assert await link.call(lambda redis: redis.incr("m")) == 1
            address.target = promoted
            say(server, "REPLICAOF 127.0.0.1 1")
            with pytest.raises(RedisAway):
                await link.execute(kept, "INCR", "n")
            await until_back(link)

            # Of the promoted one, which has no data.
            assert await link.execute(kept, "INCR", "n") == 1


async def test_a_command_that_redis_always_refuses_fails_a_few_times_a_second(server: int) -> None:
    say(server, "ACL SETUSER default -publish")
    async with linked(server, timeout_s=5) as link:
        kept = link.connect()
        returned_at_s = []
        for _ in range(3):
            with pytest.raises(RedisAway):
                await link.execute(kept, "PUBLISH", "channel", "hint")
            await until_back(link)
            returned_at_s.append(asyncio.get_running_loop().time())

    first, second, third = returned_at_s
    assert second - first >= 0.4
    assert third - second >= 0.4


async def test_one_that_is_closed_under_a_command_stays_closed(server: int) -> None:
    async with linked(server, timeout_s=30) as link:
        kept = link.connect()
        await link.execute(kept, "ECHO", "first")
        waiting = asyncio.create_task(link.execute(kept, "BLPOP", "nothing", 0))
        # Answered by the server behind the blocked one.
        await link.call(lambda redis: redis.ping())

        await link.aclose()
        async with asyncio.timeout(5):
            with pytest.raises(RedisAway):
                await waiting
        # Nothing probes for a link that is closed.
        assert len(asyncio.all_tasks()) == 1

    async with linked(server, timeout_s=5) as other:
        assert len(await other.call(lambda redis: redis.client_list())) == 1
