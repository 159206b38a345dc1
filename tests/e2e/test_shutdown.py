"""SIGTERM ends a process in order: what is in flight is finished and written, then it leaves.

tests/cli/server/test_dev.py has the rest: `topup dev` leaves nothing running, port 0, a second `dev` on the
same data directory, and children whose supervisor was killed.
"""

import asyncio
import fcntl
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import Install, WorkingSet
from tests.support.installation import API, Installation, Program
from tests.support.receiver import Received, Receiver
from tests.support.senders import client, order
from worker.dispatch import ENDPOINT_SLOTS_FIRST

SENDS = 20


class Gate:
    """A receiver's answer that waits until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def __call__(self, _received: Received) -> int:
        await self.opened.wait()
        return 200


async def register(installation: Installation, key: str, receiver: Receiver) -> str:
    async with client(key) as http:
        answer = await http.post(
            f"{installation.url}{API}/webhooks/register", json={"url": receiver.url}
        )
        return str(answer.json()["data"]["id"])


async def end(program: Program) -> int:
    """Its exit code; it was told to leave before."""
    return await asyncio.to_thread(program.wait)


async def test_a_stopped_gateway_answers_the_sends_that_it_has_taken(
    working_set: WorkingSet,
) -> None:
    installation = working_set.make("sqlite")
    installation.start(workers=0, with_redis=False)
    (gateway,) = installation.gateways
    key = await installation.key(await installation.account())
    # Whoever holds the writers' turn keeps the batch of the sends from committing.
    turn = os.open(installation.data_dir / "topup.db.turn", os.O_RDWR)
    async with client(key) as http:
        assert (await http.get(f"{gateway.url}{API}/topup/balance")).status_code == 200
        fcntl.flock(turn, fcntl.LOCK_EX)
        sends = [
            asyncio.create_task(
                http.post(f"{gateway.url}{API}/topup/send", json=order(100, reference=str(number)))
            )
            for number in range(SENDS)
        ]
        await asyncio.sleep(0.5)
        # An answer to a later request: whatever came before it has been read as well.
        for _ in range(2):
            assert (await http.get(f"{gateway.url}/healthz")).status_code == 200
        gateway.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        answered_early = [send for send in sends if send.done()]
        os.close(turn)
        answers = await asyncio.gather(*sends)
    code = await end(gateway)

    assert answered_early == []
    assert [answer.json()["code"] for answer in answers] == [1001] * SENDS
    assert code == 0
    kept = await installation.fetch("SELECT id FROM topups")
    assert {row[0] for row in kept} == {answer.json()["transaction_id"] for answer in answers}


async def test_a_stopped_gateway_finishes_a_call_of_several_steps(
    install: Install, receiver: Receiver
) -> None:
    installation = install()
    installation.start(workers=0, with_redis=False)
    (gateway,) = installation.gateways
    key = await installation.key(await installation.account())
    endpoint_id = await register(installation, key, receiver)
    gate = receiver.answer = Gate()

    async with client(key) as http:
        ping = asyncio.create_task(
            http.post(f"{gateway.url}{API}/webhooks/{endpoint_id}/test", json={})
        )
        await receiver.at_least(1)
        gateway.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        gate.opened.set()
        answer = await ping
    code = await end(gateway)

    assert (answer.status_code, answer.json()["code"]) == (200, 1000)
    assert answer.json()["data"]["http_status"] == 200
    assert code == 0


async def test_a_stopped_worker_finishes_and_writes_its_deliveries(
    install: Install, receiver: Receiver
) -> None:
    installation = install()
    installation.start()
    (worker,) = installation.workers
    key = await installation.key(await installation.account())
    await register(installation, key, receiver)
    gate = receiver.answer = Gate()

    async with client(key) as http:
        for _ in range(SENDS):
            await http.post(f"{installation.url}{API}/topup/send", json=order(100))
        # The slots of one endpoint are fewer than the deliveries: some are in flight, some wait.
        await receiver.at_least(ENDPOINT_SLOTS_FIRST)
        worker.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        gate.opened.set()
        code = await end(worker)
        in_flight = len(receiver.received)
        after_stop = await installation.fetch(
            "SELECT status, COUNT(*) FROM deliveries GROUP BY status ORDER BY status"
        )
        worker.restart()
        await receiver.at_least(SENDS)
        await written(installation, SENDS)

    assert code == 0
    # The answers freed slots, which nothing more was claimed for.
    assert ENDPOINT_SLOTS_FIRST <= in_flight < SENDS
    assert dict(after_stop) == {"delivered": in_flight, "pending": SENDS - in_flight}
    # Nothing was sent twice, and nothing was left out.
    ids = {received.headers["x-aitopup-delivery"] for received in receiver.received}
    assert (len(ids), len(receiver.received)) == (SENDS, SENDS)
    assert "Traceback" not in installation.logs


async def written(installation: Installation, count: int) -> None:
    """Waits until so many deliveries are written as delivered."""
    async with asyncio.timeout(60):
        while True:
            rows = await installation.fetch(
                "SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'"
            )
            if rows == [(count,)]:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_processes_leave_at_once_with_exit_code_0(
    working_set: WorkingSet, number: signal.Signals
) -> None:
    installation = working_set.make("sqlite")
    installation.start()
    programs = [*installation.gateways, *installation.workers]
    sessions = {program.pid for program in programs}
    before = running(installation.data_dir, sessions)

    for program in programs:
        program.signal(number)
    codes = [program.wait() for program in programs]

    assert codes == [0, 0], installation.logs
    assert "Traceback" not in installation.logs
    assert len(before) >= 2
    assert running(installation.data_dir, sessions) == []


def running(data_dir: Path, sessions: set[int]) -> list[str]:
    """Processes of these sessions, or that name the data directory in their environment, but for its Redis."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            session = int((path / "stat").read_text().rpartition(")")[2].split()[3])
            environment = (path / "environ").read_bytes()
            command = (path / "cmdline").read_bytes().decode()
        except OSError:
            continue
        is_named = f"TOPUP_DATA_DIR={data_dir}".encode() in environment and "redis" not in command
        if session in sessions or is_named:
            found.append(command)
    return found
