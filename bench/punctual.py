"""How late the attempts are: the slots of 0, 5 and 30 seconds at low load.

    python -m bench.punctual [--seconds 20] [--per-s 10] [--quick] [--kind sqlite]

The receiver refuses an event's first two attempts. A slot's lateness is what the receiver sees: the
time from the answer to the send (slot 0), or from the end of the attempt before plus the wait, to the
arrival of the attempt. --quick takes the waits 0, 2 and 3 s.
"""

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

import httpx

from bench.scene import HMAC_ALONE, KINDS, Scene, in_turn, merchant, milliseconds, scene, show
from tests.support.receiver import Received, Receiver
from tests.support.senders import order

SCHEDULE_S = (0, 5, 30)
QUICK_SCHEDULE_S = (0, 2, 3)


async def refuse_twice(received: Received) -> int:
    return 200 if int(received.headers["x-aitopup-attempt"]) >= len(SCHEDULE_S) else 500


async def measure(
    stage: Scene, *, count: int, per_s: float, schedule_s: Sequence[int]
) -> list[list[str]]:
    """A row for each slot."""
    answered_s: dict[str, float] = {}

    async def send(http: httpx.AsyncClient) -> None:
        answer = await http.post("/topup/send", json=order(100))
        answered_s[answer.json()["transaction_id"]] = time.perf_counter()

    await asyncio.to_thread(stage.installation.start)
    async with (
        Receiver(refuse_twice) as receiver,
        merchant(stage.installation, receiver, retry_schedule_s=list(schedule_s), **HMAC_ALONE) as (
            _,
            http,
        ),
    ):
        sends = [asyncio.create_task(send(http)) async for _ in in_turn(count, per_s)]
        await asyncio.gather(*sends)
        await receiver.at_least(count * len(schedule_s), timeout_s=sum(schedule_s) + 60)
    lateness: dict[int, list[float]] = defaultdict(list)
    due_s = dict(answered_s)
    for received in receiver.received:
        number = int(received.headers["x-aitopup-attempt"])
        transaction_id = received.event["data"]["transaction_id"]
        lateness[number].append(max(0.0, received.at_s - due_s[transaction_id]))
        if number < len(schedule_s):
            due_s[transaction_id] = received.at_s + schedule_s[number]
    return [
        [f"{stage.kind}: attempt {number} at {wait_s} s", *milliseconds(lateness[number])]
        for number, wait_s in enumerate(schedule_s, start=1)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--per-s", type=float, default=10)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--kind", action="append", choices=KINDS)
    given = parser.parse_args()
    schedule_s = QUICK_SCHEDULE_S if given.quick else SCHEDULE_S
    count = round(given.seconds * given.per_s)
    rows = []
    for kind in given.kind or KINDS:
        with scene(kind) as stage:
            rows += asyncio.run(
                measure(stage, count=count, per_s=given.per_s, schedule_s=schedule_s)
            )
    title = f"Lateness of attempts at {given.per_s:g} events a second, ms"
    show(title, ("", "n", "p50", "p99", "max"), rows)


if __name__ == "__main__":
    main()
