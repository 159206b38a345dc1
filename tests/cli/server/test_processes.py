"""Several processes on one port: `topup serve --processes N` and `topup worker --processes N`, from the outside."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.server.processes import ALL_READY
from runtime.supervisor import bind_listener
from tests.support.gateway import NO_TLS
from tests.support.installation import API, PAUSE_S, TOPUP, Installation, Program
from tests.support.preloaded import Preloaded
from tests.support.receiver import Receiver
from tests.support.senders import Senders, client, order

pytestmark = pytest.mark.long

SEEN_S_MAX = 60.0
SENDERS = 4


@pytest.fixture
def installation(database_url: str, tmp_path: Path, preloaded: Preloaded) -> Iterator[Installation]:
    with Installation(tmp_path / "data", database_url, worker_port="0") as made:
        made.preloaded = preloaded
        yield made


class Whole(Program):
    """The command that keeps the processes; its log has what they write, too."""

    def __init__(self, installation: Installation, *words: str) -> None:
        log_path = installation.data_dir / f"{words[0]}.log"
        preloaded = installation.preloaded
        super().__init__([*TOPUP, *words], installation.env, log_path, preloaded=preloaded)
        # Killed with the rest; its children leave when it is gone.
        installation.workers.append(self)

    def lines(self, event: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def pids(self) -> dict[str, int]:
        """Of the processes by their names, the newest of each."""
        return {line["child"]: line["pid"] for line in self.lines("child.started")}

    async def url(self) -> str:
        """Once its log says it: lines are written by a thread of their own."""
        await until(lambda: bool(self.lines(ALL_READY)))
        return str(self.lines(ALL_READY)[0]["address"])


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(SEEN_S_MAX):
        while not fact():  # noqa: ASYNC110 - other processes make it true
            await asyncio.sleep(PAUSE_S)


async def until_ready(http: httpx.AsyncClient, kind: str) -> None:
    """Until one of the two says of both that they are."""
    async with asyncio.timeout(SEEN_S_MAX):
        while True:
            answer = await http.get("/readyz")
            if answer.json()["processes"] == {f"{kind}-1": "ready", f"{kind}-2": "ready"}:
                return
            await asyncio.sleep(PAUSE_S)


def asking(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, verify=NO_TLS, trust_env=False, timeout=10)


async def test_a_killed_gateway_and_a_stop_under_load_lose_no_send(
    installation: Installation,
) -> None:
    whole = Whole(installation, "serve", "--port", "0", "--processes", "2")
    whole.start()
    whole.wait_ready()
    key = await installation.key(await installation.account())
    url = await whole.url()
    before = whole.pids()
    assert sorted(before) == ["gateway-1", "gateway-2"]

    senders = Senders([url], key)
    async with senders.sending(SENDERS, sends_max=100_000), asking(url) as http:
        await until(lambda: len(senders.acknowledged) >= 20)
        os.kill(before["gateway-1"], signal.SIGKILL)
        killed_at = len(senders.acknowledged)
        # The other one goes on before the killed one is back.
        await until(lambda: len(senders.acknowledged) >= killed_at + 20)
        await until(lambda: whole.pids()["gateway-1"] != before["gateway-1"])
        await until_ready(http, "gateway")
    stopped = await _stop_under_load(whole, url, key)

    kept = {row[0] for row in await installation.fetch("SELECT id FROM topups")}
    assert set(senders.acknowledged.values()) <= kept
    assert stopped <= kept
    assert await installation.findings() == []
    assert whole.pids()["gateway-2"] == before["gateway-2"]
    assert "Traceback" not in whole.log


async def _stop_under_load(whole: Whole, url: str, key: str) -> set[str]:
    """What was answered until the port took no more callers; each call that was taken has its answer."""
    answered: set[str] = set()

    async def send_on(http: httpx.AsyncClient) -> None:
        while True:
            try:
                answer = await http.post(f"{url}{API}/topup/send", json=order(100))
            except httpx.ConnectError:
                return
            assert answer.json()["code"] == 1001
            answered.add(answer.json()["transaction_id"])

    async with client(key) as http, asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(send_on(http))
        await until(lambda: len(answered) >= 20)
        # As systemd does it: each of its processes is told, and each gateway twice then.
        whole.signal(signal.SIGTERM)
        for pid in whole.pids().values():
            # Whoever was quick is gone.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    assert await asyncio.to_thread(whole.wait) == 0
    return answered


@pytest.mark.one_database
async def test_several_workers_are_asked_at_one_port_and_share_the_work(
    installation: Installation,
) -> None:
    installation.start(workers=0)
    whole = Whole(installation, "worker", "--processes", "2")
    whole.start()
    whole.wait_ready()
    key = await installation.key(await installation.account())
    async with Receiver() as receiver, client(key) as merchant, asking(await whole.url()) as http:
        await merchant.post(
            f"{installation.url}{API}/webhooks/register", json={"url": receiver.url}
        )
        await until_ready(http, "worker")
        os.kill(whole.pids()["worker-2"], signal.SIGKILL)
        await merchant.post(f"{installation.url}{API}/topup/send", json=order(100))
        await receiver.at_least(1)
        await until(lambda: len(whole.lines("child.started")) == 3)
        await until_ready(http, "worker")
        figures = (await http.get("/metrics")).text.splitlines()
    code = await asyncio.to_thread(whole.stop)

    assert code == 0
    for name in ("worker-1", "worker-2"):
        assert f'topup_process_up{{process="{name}"}} 1' in figures
        assert any(line.startswith(f'topup_build_info{{process="{name}",') for line in figures)
    assert sum(line.startswith("# TYPE topup_deliveries_total ") for line in figures) == 1
    assert {line["child"] for line in whole.lines("worker.listening")} == {"worker-1", "worker-2"}


@pytest.mark.one_database
def test_what_keeps_processes_from_starting_is_said_once_and_ends_all(
    installation: Installation, tmp_path: Path
) -> None:
    missing = tmp_path / "none" / "it.db"
    several = ("serve", "--port", "0", "--processes", "4")
    ended = installation.run(*several, database_url=f"sqlite:///{missing}")
    said = [line for line in ended.stderr.splitlines() if not line.startswith("{")]

    # As a lone gateway says it, and with its exit code.
    assert [line.partition(":")[0] for line in said] == ["error"]
    assert f"there is no database at {missing}" in said[0]
    assert ended.returncode == 30
    assert ended.stderr.count("child.started") == 1


@pytest.mark.one_database
def test_a_port_that_others_share_already_is_refused(installation: Installation) -> None:
    with bind_listener("127.0.0.1", 0, is_shared=True) as theirs:
        port = str(theirs.getsockname()[1])
        refused = installation.run("serve", "--port", port, "--processes", "2")

    assert refused.returncode == 2
    assert f"127.0.0.1:{port} is in use" in refused.stderr
