"""Replays many failed deliveries, and shows that the worker's memory does not grow with them.

    python -m bench.replay [--quick] [--count 100000] [--kind sqlite|postgresql]

100,000 deliveries (--quick: 10,000) at the highest rate that a replay may have. Prints how long it
took to begin, the rate, and the memory of worker and gateway at a tenth, at half and at the end.
Ends with 1 where a delivery did not arrive exactly once, or the worker grew by more than GROWTH_MIB;
on SQLite also by the pages that its writer keeps, whatever fills them.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final

import httpx

from bench.scene import HMAC_ALONE, KINDS, Scene, merchant, scene, show
from kernel.tenant import Tenant
from store.open import open_database
from store.sqlite.file import WRITER_CACHE_KIB
from tests.support.failed_deliveries import make_failures
from tests.support.installation import Installation, Program
from tests.support.receiver import Received, Receiver
from webhooks.replays.asked import RATE_PER_S_MAX

COUNT: Final = 100_000
QUICK_COUNT: Final = 10_000
GROWTH_MIB: Final = 16
LOOK_S: Final = 0.25


def resident_mib(program: Program) -> float:
    """What the process holds in memory."""
    pages = int(Path(f"/proc/{program.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Arrivals:
    """How often each event came."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    async def take(self, received: Received) -> int | None:
        id_ = received.headers["webhook-id"]
        self.counts[id_] = self.counts.get(id_, 0) + 1
        return 200


async def watch(
    http: httpx.AsyncClient, installation: Installation, replay_id: str, count: int
) -> list[list[str]]:
    """A row for each mark passed: deliveries done, their rate, and what the processes hold."""
    marks, rows = [count // 10, count // 2, count], []
    began_s = time.perf_counter()
    while marks:
        await asyncio.sleep(LOOK_S)
        data = (await http.get(f"/replays/{replay_id}")).json()["data"]
        if data["done"] >= marks[0]:
            marks.pop(0)
            seconds = time.perf_counter() - began_s
            rows.append(
                [
                    f"{data['done']:,} done",
                    f"{seconds:.1f}",
                    f"{data['done'] / seconds:.0f}",
                    f"{resident_mib(installation.workers[0]):.1f}",
                    f"{resident_mib(installation.gateways[0]):.1f}",
                ]
            )
    return rows


async def measure(stage: Scene, count: int) -> bool:
    """Whether all came once, in a worker that did not grow."""
    arrivals = Arrivals()
    installation = stage.installation
    await asyncio.to_thread(installation.start)
    async with (
        Receiver(arrivals.take) as receiver,
        merchant(installation, receiver, **HMAC_ALONE) as (_, http),
    ):
        [(endpoint_id, *tenant)] = await installation.fetch(
            "SELECT id, account_id, environment FROM endpoints"
        )
        database = open_database(installation.database_url)
        await make_failures(database, Tenant(tenant[0], tenant[1]), endpoint_id, count)
        await database.close()
        asked_s = time.perf_counter()
        begun = await http.post(
            f"/webhooks/{endpoint_id}/replay", json={"rate_per_s": RATE_PER_S_MAX}
        )
        begin_ms = (time.perf_counter() - asked_s) * 1000
        assert begun.status_code == 202, begun.text
        forgetting = asyncio.create_task(forget(receiver))
        rows = await watch(http, installation, begun.json()["data"]["id"], count)
        forgetting.cancel()
    title = f"{stage.kind}: a replay of {count:,} at {RATE_PER_S_MAX} a second, begun in {begin_ms:.0f} ms"
    show(title, ["", "s", "per s", "worker MiB", "gateway MiB"], rows)
    growth_mib = float(rows[-1][3]) - float(rows[0][3])
    came = sorted(arrivals.counts.values())
    print(
        f"\n{len(came):,} events came, at most {came[-1]} times; worker grew {growth_mib:.1f} MiB"
    )
    kept_mib = WRITER_CACHE_KIB / 1024 if stage.server is None else 0
    return came == [1] * count and growth_mib <= GROWTH_MIB + kept_mib


async def forget(receiver: Receiver) -> None:
    """Keeps this process small: what came is counted already."""
    while True:
        await asyncio.sleep(1)
        receiver.received.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    options = parser.parse_args()
    count = QUICK_COUNT if options.quick else options.count
    with scene(options.kind) as stage:
        is_well = asyncio.run(measure(stage, count))
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
