"""What keeps Redis from being used is told apart, said once, and counted."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from runtime.metrics import Metrics
from runtime.redis_link import WORDS, RedisAway, RedisFault, RedisLink, RedisState
from runtime.setting_forms.redis_url import check_redis_url
from tests.support.redis_server import redis_server, say


@pytest.fixture(scope="module")
def guarded() -> Iterator[int]:
    """A Redis with a password, and a user who may do next to nothing."""
    with redis_server("--requirepass", "right") as port:
        say(port, "AUTH right", "ACL SETUSER limited on >right +ping")
        yield port


async def fault_at(url: str) -> RedisFault | None:
    link = RedisLink(url)
    try:
        return await link.find_fault()
    finally:
        await link.aclose()


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("redis://:right@127.0.0.1:{}/0", None),
        ("redis://:wrong@127.0.0.1:{}/0", RedisFault.PASSWORD),
        ("redis://127.0.0.1:{}/0", RedisFault.PASSWORD),
        ("redis://:right@127.0.0.1:{}/99", RedisFault.DATABASE),
        ("redis://limited:right@127.0.0.1:{}/0", RedisFault.PERMISSION),
        ("redis://127.0.0.1:1/0", RedisFault.REFUSED),
        ("redis://nowhere.invalid:{}/0", RedisFault.HOST),
        ("unix:///nowhere/redis.sock", RedisFault.NO_SOCKET),
        ("redis+sentinel://127.0.0.1:1/service", RedisFault.NO_MASTER),
    ],
)
async def test_each_cause_has_a_name(guarded: int, url: str, fault: RedisFault | None) -> None:
    assert await fault_at(url.format(guarded)) is fault


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", RedisFault.FULL),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", RedisFault.READ_ONLY),
    ],
)
async def test_a_redis_that_answers_and_takes_nothing_is_away(
    guarded: int, before: str, after: str, fault: RedisFault
) -> None:
    say(guarded, "AUTH right", before)

    found = await fault_at(f"redis://:right@127.0.0.1:{guarded}/0")

    say(guarded, "AUTH right", after)
    assert found is fault


async def test_a_cluster_is_told_though_no_key_of_ours_is_elsewhere() -> None:
    with redis_server("--cluster-enabled", "yes") as port:
        say(port, "CLUSTER ADDSLOTSRANGE 0 16383")

        found = await fault_at(f"redis://127.0.0.1:{port}/0")

    assert found is RedisFault.CLUSTER


async def test_a_server_without_tls_is_told() -> None:
    async with answering(b"-ERR unknown command\r\n") as url:
        assert await fault_at(url.replace("redis:", "rediss:")) is RedisFault.TLS


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """The URL of something that says the same to whatever it is asked; nothing: it hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answer and await reader.read(4096):
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", RedisFault.LOADING),
        (b"-MISCONF Redis is configured to save RDB snapshots\r\n", RedisFault.DISK),
        (b"-ERR max number of clients reached\r\n", RedisFault.CLIENTS),
        (b"\x15\x03\x03\x00\x02\x02\x46", RedisFault.HUNG_UP),
        (b"", RedisFault.HUNG_UP),
        (b"-ERR of a kind that nobody knows\r\n", RedisFault.OTHER),
    ],
)
async def test_what_a_server_says_is_told(answer: bytes, fault: RedisFault) -> None:
    async with answering(answer) as url:
        assert await fault_at(url) is fault


async def test_an_outage_is_one_line_and_a_count(
    guarded: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    metrics = Metrics()
    # A machine that is too busy for the usual fiftieth of a second would be told as another fault.
    url, state = f"redis://:right@127.0.0.1:{guarded}/0", RedisState(metrics)
    link = RedisLink(url, timeout_s=10, state=state)
    back = asyncio.Event()
    link.on_return(back.set)
    say(guarded, "AUTH right", "CONFIG SET maxmemory 1")

    for _ in range(50):
        with pytest.raises(RedisAway):
            await link.call(lambda redis: redis.set("topup:test", "1", px=10))
    say(guarded, "AUTH right", "CONFIG SET maxmemory 0")
    async with asyncio.timeout(10):
        await back.wait()
    await link.aclose()

    said = [record for record in caplog.records if record.name == "runtime.redis_link"]
    assert [record.msg for record in said] == ["redis.away", "redis.back"]
    assert vars(said[0])["fault"] == "full"
    assert "is full: raise its maxmemory" in vars(said[0])["why"]
    assert vars(said[1])["refused"] == 50
    assert b'topup_redis_refusals_total{fault="full"} 50.0' in metrics.render()


def test_parts_of_a_process_say_it_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state = RedisState()

    state.lose("link", ConnectionRefusedError())
    state.lose("queue", ConnectionRefusedError())
    state.find("link")
    state.lose("link", ConnectionRefusedError())
    state.find("queue")
    state.find("link")
    state.lose("link", ConnectionRefusedError())
    state.find("link")

    assert [record.msg for record in caplog.records] == ["redis.away", "redis.back"]


def test_each_fault_has_its_sentence() -> None:
    assert set(WORDS) == set(RedisFault)
    assert len(set(WORDS.values())) == len(WORDS)


async def test_the_master_is_found_by_its_sentinels_and_the_dead_ones_are_passed() -> None:
    with redis_server("--requirepass", "right") as master:
        watched = f"sentinel monitor cash 127.0.0.1 {master} 1\nsentinel auth-pass cash right\n"
        with redis_server("--sentinel", lines=watched) as sentinel:
            url = f"redis+sentinel://:right@127.0.0.1:1,127.0.0.1:{sentinel}/cash/3"
            link = RedisLink(url, timeout_s=5)
            assert await link.find_fault() is None
            await link.call(lambda redis: redis.set("topup:test", "here"))
            await link.aclose()
            unknown = await fault_at(f"redis+sentinel://127.0.0.1:{sentinel}/other")
        direct = Redis(port=master, password="right", db=3)
        found = await direct.get("topup:test")
        await direct.aclose()

    assert found == b"here"
    assert unknown is RedisFault.NO_MASTER


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://host/abc", "number, such as /0"),
        ("redis://host?db=abc", "Invalid value for 'db'"),
        ("redis+sentinel://host:26379", "host:26379/service/0"),
        ("redis+sentinel://host:abc/service", "port is no number"),
        ("redis+sentinel://host/service/abc", "number, such as /0"),
        ("redis://:hunter2@host:port/0", "cannot be read"),
        ("memcached://host", "begins with redis://"),
    ],
)
def test_a_url_that_means_nothing_is_refused(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        check_redis_url(url)

    assert "hunter2" not in str(refused.value)
