"""A copy taken while people send, put back elsewhere: whole, proved, and going on from there."""

import asyncio
import json
import shutil

import httpx
import pytest

from tests.e2e.conftest import WorkingSet
from tests.support.installation import API
from tests.support.plain_http import http_client
from tests.support.receiver import Receiver

SEND = {"platform": "claude", "amount_cents": 100, "recipient_email": "user@example.com"}
SENDERS = 4


async def test_a_copy_taken_under_load_is_one_moment_and_goes_on(
    working_set: WorkingSet, kind: str, receiver: Receiver
) -> None:
    if kind == "postgresql" and shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not on the PATH")
    first = working_set.make(kind)
    second = working_set.make(kind)
    first.start()
    key = await first.key(await first.account())
    headers = {"Authorization": f"Bearer {key}"}
    sent: list[str] = []
    has_enough = asyncio.Event()
    is_copied = asyncio.Event()

    async def send(http: httpx.AsyncClient) -> None:
        while not is_copied.is_set():
            answer = await http.post(f"{first.url}{API}/topup/send", json=SEND)
            sent.append(answer.json()["transaction_id"])
            if len(sent) >= 10:
                has_enough.set()

    async with http_client(headers=headers, timeout=30) as http:
        await http.post(f"{first.url}{API}/webhooks/register", json={"url": receiver.url})
        async with asyncio.TaskGroup() as senders:
            for _ in range(SENDERS):
                senders.create_task(send(http))
            await has_enough.wait()
            before = len(sent)
            copy = str(first.data_dir / "copy")
            made = await asyncio.to_thread(first.run, "backup", copy, "--json")
            is_copied.set()
        assert made.returncode == 0, made.stderr
        # PostgreSQL's is a migrated, empty one.
        restored = await asyncio.to_thread(second.run, "restore", copy, "--replace", "--json")
        assert restored.returncode == 0, restored.stderr
        assert json.loads(restored.stdout)["master_key"] == "opens"
        assert await second.findings() == []
        known = {row[0] for row in await second.fetch("SELECT id FROM topups")}
        assert known <= set(sent)
        assert len(known) >= before

        # What the copy holds undelivered is sent again, under the event's own id.
        second.start()
        answer = await http.post(f"{second.url}{API}/topup/send", json=SEND)
        assert answer.json()["code"] == 1001
        latest = answer.json()["transaction_id"]
        await receiver.until(
            lambda: latest in {one.event["data"]["transaction_id"] for one in receiver.received},
            timeout_s=30,
        )
        assert (await http.get(f"{second.url}{API}/events?limit=1")).json()["success"]
    assert await second.findings() == []
