"""A backlog of deliveries and how long the workers of one installation take, claim to log."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.scene import Scene
from bench.sink import Sink
from bench.stock import backlog_s, stock
from bench.systems import count_of
from bench.tenants import Merchant
from bench.usage import Meter, postmaster
from tests.support.installation import PAUSE_S, READY_S_MAX

WRITES_MAX = 3


@dataclass(frozen=True, slots=True)
class Drained:
    """What was done a second; CPU in µs each, and cores kept busy, of the workers and PostgreSQL."""

    per_s: float
    cpu_us: Mapping[str, float]
    cores: Mapping[str, float]
    worker_mb: float


def drain(stage: Scene, tenants: Sequence[Merchant], sink: Sink, count: int) -> Drained:
    """The started workers deliver count webhooks that fall due together; each attempt is on record.

    Counted from the first look at the receiver that finds one, some ms after the due time.
    """
    url = stage.installation.database_url
    roots = {"worker": [worker.pid for worker in stage.installation.workers]}
    if stage.server is not None:
        roots["postgres"] = [postmaster(stage.server.url)]
    meter = Meter(roots)
    due_s = _store(url, tenants, sink, count)
    began = sink.wait(1, timeout_s=READY_S_MAX + due_s)
    meter.start()
    ended = sink.wait(count, timeout_s=READY_S_MAX + count / 100)
    _wait_logged(url)
    cpu_s, seconds = meter.cpu_s(), (ended["last_ns"] - began["last_ns"]) / 1e9
    counted = count - began["unique"]
    return Drained(
        counted / seconds,
        {part: used_s / counted * 1e6 for part, used_s in cpu_s.items()},
        {part: used_s / seconds for part, used_s in cpu_s.items()},
        meter.peak_mb()["worker"] / len(roots["worker"]),
    )


def _store(url: str, tenants: Sequence[Merchant], sink: Sink, count: int) -> float:
    """The backlog, whole before the first of it falls due; in how many seconds that was."""
    due_s = backlog_s(len(tenants), count)
    for _ in range(WRITES_MAX):
        sink.reset()
        asyncio.run(stock(url, tenants, count, backlog_due_s=due_s))
        if not sink.stats()["received"]:
            return due_s
        # A busy machine writes more slowly. This one is delivered before the next.
        sink.wait(count, timeout_s=READY_S_MAX + count / 100)
        _wait_logged(url)
        due_s *= 2
    raise AssertionError("the backlog fell due before it was complete")


def _wait_logged(database_url: str) -> None:
    """Until each delivery has its attempt on record."""
    deadline_s = time.monotonic() + READY_S_MAX
    while count_of(database_url, "deliveries WHERE settled_at IS NULL"):
        assert time.monotonic() < deadline_s, "attempts are missing"
        time.sleep(5 * PAUSE_S)
