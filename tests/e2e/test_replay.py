"""A replay from outside: `topup replay` beside a worker, and a worker that is killed meanwhile."""

import asyncio
import json
from collections import Counter

from kernel.tenant import Tenant
from store.open import open_database
from tests.e2e.conftest import Install
from tests.support.failed_deliveries import make_failures
from tests.support.installation import API, Installation
from tests.support.receiver import Receiver
from tests.support.senders import client

KILLS = 2
_IS_QUEUED = "SELECT is_queued FROM replays WHERE id = :id"


async def given_failures(installation: Installation, url: str, count: int) -> tuple[str, str]:
    """A merchant's key, and its endpoint that has missed so many events."""
    account_id = await installation.account()
    key = await installation.key(account_id)
    async with client(key) as http:
        made = await http.post(f"{installation.url}{API}/webhooks/register", json={"url": url})
    endpoint_id = made.json()["data"]["id"]
    tenant: Tenant = Tenant(account_id, "staging")
    database = open_database(installation.database_url)
    await make_failures(database, tenant, endpoint_id, count)
    await database.close()
    return key, endpoint_id


async def test_the_command_waits_until_everything_has_arrived(
    install: Install, receiver: Receiver
) -> None:
    installation = install()
    await asyncio.to_thread(installation.start)
    _, endpoint_id = await given_failures(installation, receiver.url, 40)

    begun = await asyncio.to_thread(
        installation.run, "replay", "create", endpoint_id, "--rate-per-s=100", "--json"
    )
    assert begun.returncode == 0, begun.stderr
    replay_id = json.loads(begun.stdout)["id"]
    ended = await asyncio.to_thread(installation.run, "replay", "watch", replay_id, "--json")

    assert ended.returncode == 0, ended.stderr
    shown = json.loads(ended.stdout)
    assert (shown["status"], shown["matched"], shown["done"]) == ("done", 40, 40)
    came = Counter(received.headers["webhook-id"] for received in receiver.received)
    assert len(came) == 40
    assert set(came.values()) == {1}


async def test_kill_9_of_the_worker_neither_skips_nor_repeats(
    install: Install, receiver: Receiver
) -> None:
    installation = install(webhook_timeout_s="1")
    await asyncio.to_thread(installation.start, with_redis=False)
    key, endpoint_id = await given_failures(installation, receiver.url, 400)
    [worker] = installation.workers

    async with client(key) as http:
        begun = await http.post(
            f"{installation.url}{API}/webhooks/{endpoint_id}/replay", json={"rate_per_s": 200}
        )
        for number in range(KILLS):
            await receiver.at_least(100 * (number + 1))
            worker.kill()
            await asyncio.to_thread(worker.restart)
        replay_id = begun.json()["data"]["id"]
        async with asyncio.timeout(60):
            # A row in another process tells nobody.
            while not (await installation.fetch(_IS_QUEUED, id=replay_id))[0][0]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    queued = await installation.fetch(
        "SELECT replay_of, event_id FROM deliveries WHERE replay_id = :id", id=replay_id
    )
    missed = await installation.fetch("SELECT id, event_id FROM deliveries WHERE replay_of IS NULL")
    assert sorted(queued) == sorted(missed)
    assert len(queued) == 400
