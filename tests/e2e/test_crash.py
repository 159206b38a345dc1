"""kill -9 at any moment: what was acknowledged is there, balanced, and its event arrives.

bench/crash.py is the long form, with Redis, PostgreSQL and the receiver cut as well.
"""

import asyncio
import os
import random

import pytest

from tests.conftest import DATABASES, SERVER_URL
from tests.e2e.conftest import WorkingSet
from tests.support.installation import API, Installation
from tests.support.receiver import Receiver
from tests.support.senders import Senders, client, tally

SEED = 20260613
KILLS = 4  # of each process
CLIENTS = 8
SENDS_MAX = 4000
# A claim that its worker took to the grave is free after the webhook timeout and 25 s.
ARRIVAL_S_MAX = 120.0
AVAILABLE_KINDS = DATABASES if SERVER_URL else DATABASES[:1]


async def kill_now_and_then(installation: Installation, random_: random.Random) -> None:
    # The worker first: its last claims run out while the gateway is killed.
    victims = [*installation.workers * KILLS, *installation.gateways * KILLS]
    for victim in victims:
        await asyncio.sleep(random_.uniform(0.02, 0.8))
        victim.kill()
        await asyncio.to_thread(victim.restart)


async def run(installation: Installation, receiver: Receiver) -> None:
    """Load, kills, and then the proof."""
    await asyncio.to_thread(installation.start)
    key = await installation.key(await installation.account())
    async with client(key) as http:
        await http.post(
            f"{installation.url}{API}/webhooks/register",
            json={"url": receiver.url, "retry_schedule_s": [0, 1, 1, 1]},
        )
    senders = Senders([installation.url], key, seed=SEED)

    async with senders.sending(CLIENTS, sends_max=SENDS_MAX):
        await kill_now_and_then(installation, random.Random(SEED))

    acknowledged = list(senders.acknowledged.values())
    await receiver.until(
        lambda: tally(acknowledged, receiver.received).never_tried == 0, timeout_s=ARRIVAL_S_MAX
    )
    kept = await installation.fetch("SELECT reference, id, status FROM topups")
    counted = tally(acknowledged, receiver.received)
    assert sorted(kept) == sorted(
        (reference, transaction_id, "delivered")
        for reference, transaction_id in senders.acknowledged.items()
    )
    assert counted.delivered == counted.accepted > KILLS
    assert counted.changed == 0
    assert await installation.findings() == []


async def test_kill_9_at_any_moment_loses_no_acknowledged_send_and_no_event(
    working_set: WorkingSet,
) -> None:
    # Both at once: most of the time is spent waiting for the leases of killed workers to end.
    installations = [working_set.make(kind, webhook_timeout_s="1") for kind in AVAILABLE_KINDS]
    async with Receiver() as one, Receiver() as other:
        await asyncio.gather(
            *(run(*pair) for pair in zip(installations, (one, other), strict=False))
        )


def test_ci_crashes_both_databases() -> None:
    if not os.environ.get("CI"):
        pytest.skip("a laptop may have SQLite alone")
    assert AVAILABLE_KINDS == DATABASES
