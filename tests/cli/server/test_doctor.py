"""What `topup doctor` says of an installation seen from outside, and of what it stands on.

Its public address is a gateway of this test, or a server that answers as a wrong proxy would.
"""

import asyncio
import contextlib
import json
import shutil
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from cli.server.doctor import _master_key as master_key, _webhooks as webhooks, copies, disk
from cli.server.doctor_checks import (
    CheckError,
    CheckWarning,
    Finding,
    backups,
    brand,
    contradictions,
    outside,
    redis as check_redis,
    redis_clock,
    redis_room,
    workers,
)
from kernel.clock import HOUR_US, SECOND_US, SystemClock
from runtime.installation import open_store, open_vault
from runtime.processes.presence import WorkerPresence, note_presence
from runtime.settings import load_settings
from store.kept.backups import begin as begin_backup, end as end_backup, record_elsewhere
from tests.support.command_line import without_settings
from tests.support.gateway import Gateway, running, settings_of
from tests.support.installation import RedisServer
from worker.chores import resealing_chore

JSON = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
HTML = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>"
AWAY = "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n"


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_settings(monkeypatch, tmp_path)


@pytest_asyncio.fixture
async def gateway(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Gateway]:
    shutil.copy(sqlite_template, tmp_path / "topup.db")
    settings = settings_of(f"sqlite:///{tmp_path}/topup.db", tmp_path)
    async with running(settings) as opened:
        yield opened


async def found(public_url: str, **settings: Any) -> dict[str, Finding]:
    seen = await outside(load_settings(public_url=public_url, **settings))
    return {one.part: one for one in seen}


async def test_a_gateway_of_this_machine_is_well_without_a_proxy(gateway: Gateway) -> None:
    seen = await found(gateway.url.replace("127.0.0.1", "localhost"))

    assert {part: one.is_well for part, one in seen.items()} == {
        "address": False,
        "proxy": True,
        "metrics": True,
    }
    # This gateway has no PUBLIC_URL, so what comes is not named as it should be.
    assert "changes the Host" in seen["address"].detail


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (HTML, "response isn't that of a gateway of this version"),
        (JSON + '{"status": "ok"}', "response isn't that of a gateway of this version"),
        (JSON + "[" * 100_000, "response isn't that of a gateway of this version"),
        (JSON + '{"x":' * 100_000, "response isn't that of a gateway of this version"),
        (AWAY, "reaches no gateway"),
    ],
)
async def test_what_is_no_gateway_is_told(answer: str, told: str) -> None:
    async with answering(answer) as port:
        seen = await found(f"http://127.0.0.1:{port}")

    assert [*seen] == ["address"]
    assert seen["address"].is_well is False
    assert told in seen["address"].detail


@pytest.mark.parametrize(
    ("proxy", "address", "is_well", "told"),
    [
        ("trusted", "public", True, "says who calls"),
        ("trusted", "private", True, "private address"),
        ("trusted", "example", False, "passes on"),
        ("untrusted", "unknown", False, "TOPUP_TRUSTED_PROXIES"),
    ],
)
async def test_a_wrong_proxy_is_told(proxy: str, address: str, is_well: bool, told: str) -> None:
    said = {"scheme": "http", "host": "public", "proxy": proxy, "address": address}
    async with answering(JSON + json.dumps(said)) as port:
        seen = await found(f"http://127.0.0.1:{port}")

    assert seen["address"].is_well is True
    assert seen["proxy"].is_well is is_well
    assert told in seen["proxy"].detail


async def test_an_address_that_nobody_answers_is_told_and_is_no_fault() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        seen = await found(f"https://127.0.0.1:{nobody.getsockname()[1]}")

    assert [(one.part, one.is_well) for one in seen.values()] == [("address", None)]
    assert "does not answer this machine (ConnectError)" in seen["address"].detail


async def test_without_a_public_address_only_this_machine_may_be_served() -> None:
    assert (await found(""))["address"].is_well is True
    everywhere = (await found("", host="0.0.0.0"))["address"]
    assert everywhere.is_well is False
    assert "`topup serve` does not start" in everywhere.detail


def test_settings_that_contradict_each_other_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert contradictions(load_settings()).is_well is True

    mixed = load_settings(stripe_secret_key="sk_test_1", creem_staging_api_key="creem_live_1")
    assert contradictions(mixed).is_well is False
    assert contradictions(mixed).detail == (
        "TOPUP_CREEM_STAGING_API_KEY is a live key: payments of tests would take real money;"
        " TOPUP_STRIPE_SECRET_KEY is a test key: live credit would be sold for test money"
    )
    shown = {"metrics_cidrs": "::/0", "public_url": "https://pay.example.com"}
    assert "strangers may read /metrics" in contradictions(load_settings(**shown)).detail
    live: dict[str, str] = {"stripe_secret_key": "sk_live_1", "stripe_webhook_secret": "whsec_1"}
    hidden = contradictions(load_settings(**live))
    assert hidden.is_well is None
    assert hidden.detail.startswith("stripe is set up for live")
    live["public_url"] = "https://a.example"
    nameless = contradictions(load_settings(**live))
    assert nameless.is_well is None
    assert "TOPUP_SELLER_NAME is empty" in nameless.detail
    assert contradictions(load_settings(**live, seller_name="Acme GmbH")).is_well is True


async def test_redis_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    redis.start()
    settings = load_settings(redis_url=SecretStr(redis.url))
    try:
        assert (await redis_room(settings)).endswith(" of 64.0 MiB are used (volatile-lru)")
        assert await redis_clock(settings) == "agrees with this machine's"

        redis.say(b"CONFIG SET maxmemory 1\r\n")
        full = await check_redis(settings)
        assert full.is_well is False
        assert full.detail.startswith("is full: raise its maxmemory")
        redis.say(b"CONFIG SET maxmemory 0\r\n")
        assert (await redis_room(settings)).endswith("MiB are used, without a limit")
        redis.say(b"REPLICAOF 127.0.0.1 1\r\n")
        replica = await check_redis(settings)
        assert replica.is_well is False
        assert replica.detail.startswith("is a read-only replica")
    finally:
        redis.kill()
    with pytest.raises(CheckWarning, match="be checked: see"):
        await redis_room(settings)


async def test_what_copies_need_and_the_room_that_is_left(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(database_url=SecretStr(database_url), data_dir=tmp_path / "none")

    if database_url.startswith("sqlite"):
        assert await copies(settings) == "needs no program beside topup"
        assert "MiB are free at" in await disk(settings)
        return
    assert "copies the server, which is of version" in await copies(settings)
    assert f"MiB are free at {tmp_path}; the database's own disk" in await disk(settings)
    old = program(tmp_path, "pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.24'")
    monkeypatch.setenv("PATH", str(old), prepend=":")
    with pytest.raises(CheckError, match="pg_dump is of version 9 and the server of"):
        await copies(settings)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(CheckError, match="pg_dump is not on the PATH"):
        await copies(settings)


async def test_the_age_of_the_last_copy_is_told_here_and_elsewhere(
    database_url: str, tmp_path: Path
) -> None:
    settings = load_settings(database_url=SecretStr(database_url), data_dir=tmp_path / "none")
    now_us = SystemClock().now_us()

    async def taken(place: str, hours: int) -> None:
        began_at = now_us - hours * HOUR_US
        async with open_store(settings) as database:
            if place == "local":
                begin = partial(begin_backup, now_us=began_at, code_version="0.1.0")
                end = partial(end_backup, now_us=began_at + 1, size=1)
                begun = await database.transaction(begin)
                await database.transaction(lambda tx: end(tx, begun))
            else:
                record = partial(record_elsewhere, now_us=began_at, code_version="0.1.0")
                await database.transaction(record)

    with pytest.raises(CheckWarning, match="none is recorded: run `topup backup`"):
        await backups(settings)
    await taken("local", 51)
    with pytest.raises(
        CheckWarning, match=r"51 h ago .*: run `topup backup` each night from a timer"
    ):
        await backups(settings)
    await taken("local", 3)
    assert await backups(settings) == "the last one was taken 3 h ago (a file of `topup backup`)"
    await taken("elsewhere", 51)
    with pytest.raises(CheckWarning, match="then run `topup backup --elsewhere`"):
        await backups(settings)
    await taken("elsewhere", 2)
    assert await backups(settings) == (
        "the last one was taken 2 h ago (on another machine) and 3 h ago (a file of `topup backup`)"
    )


def program(folder: Path, name: str, line: str) -> Path:
    """The folder of a program of that name, which does that."""
    made = folder / "bin" / name
    made.parent.mkdir()
    made.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    made.chmod(0o755)
    return made.parent


@contextlib.asynccontextmanager
async def answering(answer: str) -> AsyncIterator[int]:
    """The port of a server that gives every request one answer, and hangs up."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.encode())
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def test_without_redis_workers_are_counted_by_the_rows_that_they_write(
    gateway: Gateway, tmp_path: Path
) -> None:
    """Two said so within 90 seconds, one did before."""
    database_url = f"sqlite:///{tmp_path}/topup.db"
    settings = load_settings(
        database_url=SecretStr(database_url), redis_url=SecretStr("unix:///nonexistent/redis.sock")
    )
    none = await workers(settings)
    now_us = SystemClock().now_us()
    for number, age_s in enumerate((1, 80, 100)):
        seen_at = now_us - age_s * SECOND_US
        one = WorkerPresence(f"wrk_{number}", "here", 1, "1", seen_at, seen_at, 0, 100)
        await gateway.context.database.transaction(partial(note_presence, presence=one))

    counted = await workers(settings)

    assert (none.is_well, counted.is_well) == (None, True)
    assert counted.detail == "2 have reported in the database"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "reach public addresses only; never this gateway's own ports"),
        (
            {"webhook_allow_cidrs": "127.0.0.0/8"},
            (
                "reach public addresses and 127.0.0.0/8;"
                " never 127.0.0.1, where the gateway listens, at any port; never this gateway's own ports"
            ),
        ),
        (
            {"webhook_allow_cidrs": "127.0.0.0/8", "host": "0.0.0.0"},
            "reach public addresses and 127.0.0.0/8; never this gateway's own ports",
        ),
    ],
)
def test_where_webhooks_never_go_is_told_with_where_they_may(
    given: dict[str, Any], told: str
) -> None:
    assert webhooks(load_settings(**given)).detail == told


async def test_the_doctor_says_when_an_older_master_key_is_needed_no_more(
    gateway: Gateway, tmp_path: Path
) -> None:
    old = "5a" * 32
    settings = load_settings(
        database_url=SecretStr(f"sqlite:///{tmp_path}/topup.db"),
        secret_key=SecretStr(f"{'6b' * 32},{old}"),
    )
    with pytest.raises(CheckWarning, match="under an older key"):
        await master_key(settings)
    vault = open_vault(settings.secret_key.get_secret_value())

    await resealing_chore(gateway.context.database, vault).run()

    assert await master_key(settings) == (
        "opens what the database holds; all of it is encrypted under the newest key"
    )


def test_a_brand_is_described_with_the_contrast_of_its_buttons() -> None:
    settings = load_settings(brand_name="Acme", brand_color="#F59E0B")

    assert [finding.detail for finding in brand(settings)] == [
        "Acme, no logo, #f59e0b buttons with text in #000000 (9.8:1)"
    ]
    assert list(brand(load_settings())) == []
