"""What is lost when everything is killed: 10,000 events while parts of the system go down and come back.

    python -m bench.crash [--events 10000] [--seed 1] [--kind sqlite] [--kind postgresql]

Clients repeat each send under its Idempotency-Key until it is answered. Meanwhile, in a random but
repeatable order: kill -9 of the gateway and the worker, FLUSHALL, kill and SIGSTOP of Redis, PostgreSQL
restarted in order and crashed, the receiver cut off. Prints what was accepted, delivered, duplicated
and never tried. Exit 1 if an accepted event was not delivered, came under another id or with other
bytes, or the ledger does not add up.
"""

import argparse
import asyncio
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from bench.receiver import Receiver
from bench.running import Installation
from bench.scene import KINDS, Scene, merchant, scene, show
from bench.senders import Senders, Tally, tally

CLIENTS = 32
PAUSE_S = 0.15
AWAY_S = (0.5, 2.5)
BETWEEN_S = (0.3, 1.5)
# More attempts than a receiver is cut in their time; what a crash loses must not hide behind it.
RETRY_SCHEDULE_S = [0, 1, 2, 5, 5, 10, 10]
# The claims of a killed worker end after this and 25 s; then they are sent again.
WEBHOOK_TIMEOUT_S = 2
DRAIN_S_MAX = 240.0

Disaster = Callable[[], Awaitable[None]]


class Disasters:
    """What can go wrong with one installation; each comes back by itself."""

    def __init__(self, stage: Scene, receiver: Receiver, random_: random.Random) -> None:
        self._stage = stage
        self._receiver = receiver
        self._random = random_
        self.happened: Counter[str] = Counter()
        self.unsettled = 0  # deliveries that a killed worker left as being sent
        self._kinds: list[tuple[str, Disaster]] = [
            ("gateway killed", self._kill_gateway),
            ("worker killed", self._kill_worker),
            ("Redis flushed", self._flush_redis),
            ("Redis killed", self._kill_redis),
            ("Redis hanging", self._hang_redis),
            ("receiver cut", self._cut_receiver),
        ]
        if stage.server is not None:
            self._kinds.append(("PostgreSQL restarted", self._restart_server))
            self._kinds.append(("PostgreSQL crashed", self._crash_server))

    async def until(self, is_over: Callable[[], bool]) -> None:
        """One after the other, each at least once and in a new order in each round."""
        while True:
            self._random.shuffle(self._kinds)
            for name, disaster in self._kinds:
                if is_over() and len(self.happened) == len(self._kinds):
                    return
                await asyncio.sleep(self._random.uniform(*BETWEEN_S))
                await disaster()
                self.happened[name] += 1

    async def _away(self) -> None:
        await asyncio.sleep(self._random.uniform(*AWAY_S))

    async def _kill_gateway(self) -> None:
        (gateway,) = self._stage.installation.gateways
        gateway.kill()
        await asyncio.to_thread(gateway.restart)

    async def _kill_worker(self) -> None:
        (worker,) = self._stage.installation.workers
        worker.kill()
        ((count,),) = await self._stage.installation.fetch(
            "SELECT COUNT(*) FROM deliveries WHERE status = 'sending'"
        )
        self.unsettled += count
        await asyncio.to_thread(worker.restart)

    async def _flush_redis(self) -> None:
        await asyncio.to_thread(self._stage.installation.redis.say, b"FLUSHALL\r\n")

    async def _kill_redis(self) -> None:
        self._stage.installation.redis.kill()
        await self._away()
        await asyncio.to_thread(self._stage.installation.redis.start)

    async def _hang_redis(self) -> None:
        self._stage.installation.redis.signal(signal.SIGSTOP)
        await self._away()
        self._stage.installation.redis.signal(signal.SIGCONT)

    async def _cut_receiver(self) -> None:
        await self._receiver.cut()
        await self._away()
        await self._receiver.open()

    async def _restart_server(self) -> None:
        await self._stop_server("fast")

    async def _crash_server(self) -> None:
        await self._stop_server("immediate")

    async def _stop_server(self, mode: str) -> None:
        assert self._stage.server is not None
        await asyncio.to_thread(self._stage.server.stop, mode=mode)
        await self._away()
        await asyncio.to_thread(self._stage.server.start)


async def measure(stage: Scene, *, events: int, seed: int) -> tuple[list[object], bool]:
    """A row of the table, and whether every promise was kept."""
    installation = stage.installation
    await asyncio.to_thread(installation.start)
    async with (
        Receiver() as receiver,
        merchant(installation, receiver, retry_schedule_s=RETRY_SCHEDULE_S) as (key, _),
    ):
        disasters = Disasters(stage, receiver, random.Random(seed))
        senders = Senders([installation.url], key, seed=seed, pause_s=PAUSE_S)
        async with senders.sending(CLIENTS, sends_max=events) as all_sent:
            await disasters.until(all_sent.done)
            await all_sent
        over_s = time.perf_counter()
        counted = await drained(installation, receiver, senders)
        drain_s = time.perf_counter() - over_s
        findings = await installation.findings()
        ((kept,),) = await installation.fetch("SELECT COUNT(*) FROM topups")
    is_proved = findings == [] and kept == counted.accepted == events
    print(f"{stage.kind}: {dict(disasters.happened)}")
    print(f"{stage.kind}: answers {dict(senders.statuses)}")
    print(f"{stage.kind}: {disasters.unsettled} being sent when their worker was killed")
    print(f"{stage.kind}: nothing left to do {drain_s:.1f} s after the last disaster")
    for finding in findings:
        print(f"{stage.kind}: audit: {finding}")
    row = [
        stage.kind,
        counted.accepted,
        counted.delivered,
        counted.duplicated,
        counted.never_tried,
        counted.changed,
        "proved" if is_proved else "BROKEN",
    ]
    return row, is_proved and counted.delivered == events and counted.changed == 0


async def drained(installation: Installation, receiver: Receiver, senders: Senders) -> Tally:
    """The count once no delivery is left to do, or after DRAIN_S_MAX.

    Also those that arrived already are waited for: they are sent again where a killed worker took
    the news of it to the grave, once its claim has ended.
    """
    acknowledged = list(senders.acknowledged.values())
    deadline_s = time.perf_counter() + DRAIN_S_MAX
    while time.perf_counter() < deadline_s:
        ((left,),) = await installation.fetch(
            "SELECT COUNT(*) FROM deliveries WHERE status IN ('pending', 'sending')"
        )
        if left == 0:
            break
        await asyncio.sleep(0.25)
    return tally(acknowledged, receiver.received)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=KINDS)
    given = parser.parse_args()
    rows, kept = [], []
    for kind in given.kind or KINDS:
        with scene(kind, webhook_timeout_s=str(WEBHOOK_TIMEOUT_S)) as stage:
            row, is_kept = asyncio.run(measure(stage, events=given.events, seed=given.seed))
        rows.append(row)
        kept.append(is_kept)
    header = ("", "accepted", "delivered", "duplicated", "never tried", "changed", "ledger")
    show(f"{given.events} events while everything is killed, seed {given.seed}", header, rows)
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
