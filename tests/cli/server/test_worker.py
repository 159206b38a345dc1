"""`topup worker` with an address of its own, from the outside."""

import asyncio
import json
import re
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support.installation import API, PAUSE_S, Installation
from tests.support.plain_http import http_client
from tests.support.preloaded import Preloaded
from tests.support.receiver import Receiver
from tests.support.senders import client, order

SEEN_S_MAX = 20.0
_ADDRESS = re.compile(r'"address": ?"(http://[^"]+)"')


@pytest.fixture
def installation(database_url: str, tmp_path: Path, preloaded: Preloaded) -> Iterator[Installation]:
    """Its worker answers on a free port."""
    with Installation(tmp_path / "data", database_url, worker_port="0") as made:
        made.preloaded = preloaded
        yield made


async def address_of_worker(installation: Installation) -> str:
    """Once its log says it: lines are written by a thread of their own."""
    async with asyncio.timeout(SEEN_S_MAX):
        while not (found := _ADDRESS.search(installation.workers[0].log)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found[1]


async def until_shown(http: httpx.AsyncClient, *wanted: str) -> list[str]:
    """The lines of /metrics, once these are among them."""
    lines: list[str] = []
    async with asyncio.timeout(SEEN_S_MAX):
        while not {*wanted} <= {*lines}:
            await asyncio.sleep(0.05)
            lines = (await http.get("/metrics")).text.splitlines()
    return lines


async def test_a_worker_shows_what_it_delivered_and_that_it_looks_for_more(
    installation: Installation,
) -> None:
    installation.start()
    key = await installation.key(await installation.account())
    async with Receiver() as receiver, client(key) as merchant:
        registered = await merchant.post(
            f"{installation.url}{API}/webhooks/register", json={"url": receiver.url}
        )
        assert registered.status_code == 201
        sent = await merchant.post(f"{installation.url}{API}/topup/send", json=order(100))
        assert sent.json()["code"] == 1001

        url = await address_of_worker(installation)
        async with http_client(base_url=url) as http:
            lines = await until_shown(
                http,
                'topup_deliveries_total{environment="staging",status="delivered"} 1.0',
                # Read in the database once in five seconds.
                "topup_deliveries_due 0.0",
            )
            lives = await http.get("/healthz")
            ready = await http.get("/readyz")
            deliveries = await http.get("/healthz/deliveries")
            forwarded = await http.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})

    assert 'topup_attempts_total{environment="staging",error="none"} 1.0' in lines
    assert 'topup_first_attempt_lag_seconds_count{environment="staging"} 1.0' in lines
    assert "topup_redis_up 1.0" in lines
    assert lives.json() == {"status": "ok"}
    assert ready.status_code == 200
    all_well = {"database": "ok", "batches": "ok", "writes": "ok", "claims": "ok"}
    assert ready.json()["checks"] == all_well
    assert (deliveries.status_code, deliveries.json()["state"]) == (200, "ok")
    assert forwarded.status_code == 401
    assert installation.workers[0].stop() == 0


def _is_being_written(database_url: str) -> bool:
    """Whether somebody holds SQLite's one lock for writing."""
    if not database_url.startswith("sqlite"):
        return False
    path = database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
    return False


async def until_ready(http: httpx.AsyncClient, url: str) -> httpx.Response:
    """Its first 200: on a busy machine a probe may miss its two seconds, and the next one is a second
    later.
    """
    response = await http.get(url)
    async with asyncio.timeout(SEEN_S_MAX):
        while response.status_code != 200:
            await asyncio.sleep(0.05)
            response = await http.get(url)
    return response


async def test_a_worker_that_is_stopped_does_not_answer_and_takes_no_gateway_away(
    installation: Installation,
) -> None:
    installation.start()
    worker = installation.workers[0]
    url = await address_of_worker(installation)
    async with http_client() as http:
        # In the middle of a commit to SQLite it would keep every other writer waiting, which is told.
        worker.signal(signal.SIGSTOP)
        while _is_being_written(installation.database_url):
            worker.signal(signal.SIGCONT)
            await asyncio.sleep(PAUSE_S)
            worker.signal(signal.SIGSTOP)
        with pytest.raises(httpx.ReadTimeout):
            await http.get(f"{url}/healthz", timeout=1.0)
        gateway = await until_ready(http, f"{installation.url}/readyz")
        worker.signal(signal.SIGCONT)
        again = await http.get(f"{url}/healthz")

    assert gateway.status_code == 200
    assert again.status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_whose_port_is_taken_says_so_and_works(
    database_url: str, tmp_path: Path, preloaded: Preloaded
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with Installation(tmp_path / "data", database_url, worker_port=str(port)) as installation:
            installation.preloaded = preloaded
            installation.start(gateways=0)
            ended = installation.workers[0].stop()
            log = installation.workers[0].log

    [line] = [line for line in log.splitlines() if "worker.not_listening" in line]
    assert f"127.0.0.1:{port}" in line
    assert "Address already in use" in line
    assert ended == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_without_a_port_opens_none(database_url: str, tmp_path: Path) -> None:
    with Installation(tmp_path / "data", database_url) as installation:
        installation.start(gateways=0)
        opened = psutil.Process(installation.workers[0].pid).net_connections(kind="tcp")

    assert [one for one in opened if one.status == psutil.CONN_LISTEN] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_doctor_says_how_many_workers_live(
    database_url: str, tmp_path: Path, preloaded: Preloaded
) -> None:
    with Installation(tmp_path / "data", database_url) as installation:
        installation.preloaded = preloaded
        installation.start(gateways=0, workers=2)
        two = workers_by_the_doctor(installation)
        for worker in installation.workers:
            worker.kill()
        none = workers_by_the_doctor(installation)

    assert two == {"part": "workers", "is_well": True, "detail": "2 listen on Redis"}
    assert none["is_well"] is None
    assert "no worker listens" in none["detail"]


def workers_by_the_doctor(installation: Installation) -> dict[str, Any]:
    said = installation.run("doctor", "--json")
    assert said.returncode == 0, said.stderr
    findings: list[dict[str, Any]] = json.loads(said.stdout)
    [found] = [one for one in findings if one["part"] == "workers"]
    return found
