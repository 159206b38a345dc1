"""From a send to its webhook at low load: what a first user feels.

    python -m bench.latency [--seconds 20] [--per-s 10] [--kind sqlite --kind postgresql]

Prints, in milliseconds, how long the answer took, and how long after the request and after the
answer the webhook was there. Client, gateway, worker, Redis and receiver share this machine.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence

import httpx

from bench.scene import HMAC_ALONE, KINDS, Scene, in_turn, merchant, milliseconds, scene, show
from tests.support.receiver import Receiver
from tests.support.senders import order

WARM_UP = 20


async def measure(stage: Scene, *, count: int, per_s: float) -> list[list[str]]:
    """Rows of the table; the first sends warm up and are not counted."""
    began_s: dict[str, float] = {}
    answered_s: dict[str, float] = {}

    async def send(http: httpx.AsyncClient) -> None:
        start_s = time.perf_counter()
        answer = await http.post("/topup/send", json=order(100))
        transaction_id = answer.json()["transaction_id"]
        began_s[transaction_id], answered_s[transaction_id] = start_s, time.perf_counter()

    await asyncio.to_thread(stage.installation.start)
    async with (
        Receiver() as receiver,
        merchant(stage.installation, receiver, **HMAC_ALONE) as (_, http),
    ):
        sends = [asyncio.create_task(send(http)) async for _ in in_turn(WARM_UP + count, per_s)]
        await asyncio.gather(*sends)
        await receiver.at_least(WARM_UP + count)
    came_s = {one.event["data"]["transaction_id"]: one.at_s for one in receiver.received}
    counted = list(began_s)[WARM_UP:]
    figures: dict[str, Sequence[float]] = {
        "request to answer": [answered_s[one] - began_s[one] for one in counted],
        "request to webhook": [came_s[one] - began_s[one] for one in counted],
        "answer to webhook": [max(0.0, came_s[one] - answered_s[one]) for one in counted],
    }
    return [[f"{stage.kind}: {name}", *milliseconds(values)] for name, values in figures.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--per-s", type=float, default=10)
    parser.add_argument("--kind", action="append", choices=KINDS)
    given = parser.parse_args()
    count = round(given.seconds * given.per_s)
    rows = []
    for kind in given.kind or KINDS:
        with scene(kind) as stage:
            rows += asyncio.run(measure(stage, count=count, per_s=given.per_s))
    title = f"Accept to receipt at {given.per_s:g} sends a second, ms"
    show(title, ("", "n", "p50", "p99", "max"), rows)


if __name__ == "__main__":
    main()
