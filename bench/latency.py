"""From a send to its webhook at low load: what a first user feels.

    python -m bench.latency [--full] [--write] [--seconds 20] [--per-s 10] [--kind sqlite --kind postgresql]

Prints, in milliseconds, how long the answer took, and how long after the request and after the
answer the webhook was there. Client, gateway, worker, Redis and receiver share this machine.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence

import httpx

from bench import report
from bench.scene import HMAC_ALONE, KINDS, Scene, in_turn, merchant, milliseconds, scene
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
        "request to response": [answered_s[one] - began_s[one] for one in counted],
        "request to webhook": [came_s[one] - began_s[one] for one in counted],
        "response to webhook": [max(0.0, came_s[one] - answered_s[one]) for one in counted],
    }
    return [[stage.kind, name, *milliseconds(values)] for name, values in figures.items()]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--per-s", type=float, default=10)
    parser.add_argument("--kind", action="append", choices=KINDS)


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    given = chosen.others
    count = round((given.seconds or chosen.pick(8, 20)) * given.per_s)
    table = report.Table(
        f"Latency at {given.per_s:g} sends a second, in ms",
        ("database", "interval", "n", "p50", "p99", "max"),
    )
    for kind in given.kind or KINDS:
        with scene(kind, log_level=chosen.log_level) as stage:
            for row in asyncio.run(measure(stage, count=count, per_s=given.per_s)):
                table.add(*row)
    report.show(chosen, "latency", [table], is_once=True)


if __name__ == "__main__":
    main()
