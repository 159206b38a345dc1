"""Redis is a hint: killed or hanging, sends are answered as always and no delivery is lost."""

import signal
import time
from collections.abc import Callable

import pytest

from tests.e2e.conftest import WorkingSet
from tests.support.installation import API, Installation
from tests.support.receiver import Receiver
from tests.support.senders import client, order, tally

Step = Callable[[Installation], None]
SENDS = 20
# A call that waited for Redis would hang for ever, or until the client gives up after 15 s.
ANSWER_S_MAX = 10.0


@pytest.fixture
def installation(working_set: WorkingSet, kind: str) -> Installation:
    if kind not in working_set.shared:
        # The limiter is on: it is the part that asks Redis within a request.
        made = working_set.make(kind, rate_limit_per_s="1000")
        made.start()
        working_set.shared[kind] = made
    return working_set.shared[kind]


def kill(installation: Installation) -> None:
    installation.redis.kill()


def hang(installation: Installation) -> None:
    installation.redis.signal(signal.SIGSTOP)


def start_again(installation: Installation) -> None:
    installation.redis.start()


def go_on(installation: Installation) -> None:
    installation.redis.signal(signal.SIGCONT)


@pytest.mark.parametrize(("take_away", "give_back"), [(kill, start_again), (hang, go_on)])
async def test_sends_go_on_without_redis_and_every_delivery_arrives(
    installation: Installation, receiver: Receiver, take_away: Step, give_back: Step
) -> None:
    key = await installation.key(await installation.account())
    sent: list[str] = []
    slowest_s = 0.0
    async with client(key) as http:
        registered = await http.post(
            f"{installation.url}{API}/webhooks/register", json={"url": receiver.url}
        )
        assert registered.status_code == 201

        async def send_some() -> None:
            nonlocal slowest_s
            for _ in range(SENDS):
                began_s = time.monotonic()
                answer = await http.post(f"{installation.url}{API}/topup/send", json=order(100))
                slowest_s = max(slowest_s, time.monotonic() - began_s)
                assert answer.json()["code"] == 1001, answer.text
                sent.append(answer.json()["transaction_id"])

        await send_some()
        take_away(installation)
        await send_some()
        ready = await http.get(f"{installation.url}/readyz")
        await receiver.at_least(2 * SENDS)
        await send_some()
        give_back(installation)
        await send_some()
        await receiver.at_least(4 * SENDS)

    assert slowest_s < ANSWER_S_MAX
    assert ready.status_code == 200
    counted = tally(sent, receiver.received)
    assert (counted.accepted, counted.delivered, counted.changed) == (80, 80, 0)
    assert all(worker.is_running for worker in installation.workers)
