"""What a call costs beside few stored top-ups and beside many; it must stay flat.

    python -m bench.growth [--full] [--write] [--sizes 10000 1000000] [--only sqlite|postgresql] [--kept FOLDER]

Two installations at once, the one with as many stored sends as the first size says, the other as
the last: all of one account, with their events, deliveries, attempts and stored answers. Each kind
of call is made on the one and on the other in turn, so what the machine does meanwhile hits both;
ratios are medians of the rounds' ratios. Before, it waits until the workers have counted and sealed what was
stored at once, which in service comes day by day. Sends come at an even pace, one by one, and then 1,000 by
64 connections; `delivery` is the time from a send to its receipt. What is stored can be kept for another run: 10,000,000
take a quarter of an hour, 27 GB on SQLite and 32 on PostgreSQL.
"""

import argparse
import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import report
from bench.loading import load
from bench.scene import KINDS, Scene, scene
from bench.sink import Sink
from bench.stock import read_keys, stock
from bench.tenants import Merchant, open_tenants, opened
from bench.usage import Meter
from tests.support.installation import API

QUICK_SIZES = (10_000, 100_000)
FULL_SIZES = (10_000, 1_000_000)
# Beside so many it is a table of its own in the page, which a run beside fewer leaves as it is.
LARGE_SIZE = 10_000_000
LARGE = "growth-large"
RATE_LIMIT = "1000000"
SENDS_PER_S = 100
BURST = 1_000
READS = {
    "history page": f"{API}/topup/history?limit=50",
    "delivery-log page": f"{API}/deliveries?limit=50",
    "balance": f"{API}/topup/balance",
}
ROUNDS_QUICK = 2
ROUNDS_FULL = 5
# A worker that takes less of a core over so many seconds has nothing more to catch up on.
REST_CORES_MAX = 0.03
REST_S = 10
REST_WAIT_S_MAX = 1_800

Sample = Mapping[str, float]  # p50_ms and mean_ms


@dataclass(frozen=True, slots=True)
class Site:
    """One started installation with its stock."""

    stage: Scene
    tenant: Merchant
    sink: Sink

    def sends(self, seconds: float) -> dict[str, Sample]:
        """One by one at an even pace: the answer, and the webhook's receipt."""
        self.sink.reset()
        sent = load(
            self.stage.installation.url,
            keys=[self.tenant.key],
            connections=16,
            rate=SENDS_PER_S,
            seconds=seconds,
        )
        assert not sent.refused, f"refused: {sent.statuses}"
        came = self.sink.wait(sent.requests, timeout_s=60)
        return {"send": {"p50_ms": sent.p50_ms, "mean_ms": sent.mean_ms}, "delivery": came}

    def burst(self) -> dict[str, Sample]:
        """Many at once: what a send costs inside a batch."""
        sent = load(self.stage.installation.url, keys=[self.tenant.key], requests=BURST, seconds=60)
        assert not sent.refused, f"refused: {sent.statuses}"
        self.sink.wait(BURST, timeout_s=60)
        return {"send, 64 at once": {"p50_ms": sent.p50_ms, "mean_ms": sent.mean_ms}}

    def read(self, name: str, seconds: float) -> dict[str, Sample]:
        got = load(
            self.stage.installation.url,
            path=READS[name],
            body="",
            keys=[self.tenant.key],
            connections=1,
            seconds=seconds,
        )
        assert not got.refused, f"refused: {got.statuses}"
        return {name: {"p50_ms": got.p50_ms, "mean_ms": got.mean_ms}}


@contextlib.contextmanager
def site(kind: str, size: int, log_level: str, kept: Path | None = None) -> Iterator[Site]:
    """kept: where what is stored is kept, and taken from, in a folder for each kind and size."""
    folder = None if kept is None else kept / f"{kind}-{size}"
    with (
        Sink() as sink,
        scene(kind, kept=folder, rate_limit_per_s=RATE_LIMIT, log_level=log_level) as stage,
    ):
        tenant = _stocked(stage.installation.database_url, size, sink.url, folder)
        print(f"  {kind} with {size:,} top-ups is ready", flush=True)
        stage.installation.start()
        yield Site(stage, tenant, sink)


def _stocked(url: str, size: int, hook_url: str, folder: Path | None) -> Merchant:
    """Whose top-ups are stored; new ones, unless the folder has them from another run."""
    known = None if folder is None else folder / "merchant.json"
    if known is not None and known.exists():
        tenant = Merchant(**json.loads(known.read_text(encoding="utf-8")))
        asyncio.run(_move_endpoint(url, tenant, hook_url))
        return tenant
    (tenant,) = asyncio.run(open_tenants(url, 1, hook_urls=[hook_url]))
    asyncio.run(stock(url, [tenant], size))
    if known is not None:
        known.write_text(json.dumps(asdict(tenant)), encoding="utf-8")
    return tenant


async def _move_endpoint(url: str, tenant: Merchant, hook_url: str) -> None:
    """Its webhooks go to the receiver of this run."""
    async with opened(url) as database:
        await database.transaction(
            lambda tx: tx.execute(
                "UPDATE endpoints SET url = :url WHERE id = :id",
                url=hook_url,
                id=tenant.endpoint_id,
            )
        )


def until_at_rest(sites: Sequence[Site]) -> None:
    """Until no worker catches up, or for REST_WAIT_S_MAX seconds."""
    meter = Meter({"workers": [site.stage.installation.workers[0].pid for site in sites]})
    began_s = time.monotonic()
    while time.monotonic() - began_s < REST_WAIT_S_MAX:
        meter.start()
        time.sleep(REST_S)
        if meter.cpu_s()["workers"] < REST_CORES_MAX * REST_S * len(sites):
            break
    print(f"  workers are at rest after {time.monotonic() - began_s:.0f} s", flush=True)


def measure(
    kind: str, sizes: Sequence[int], chosen: report.Options
) -> dict[str, list[list[Sample]]]:
    """By kind of call: for each round, a sample from each size."""
    seconds = chosen.pick(1, 2)
    calls: list[Callable[[Site], dict[str, Sample]]] = [
        lambda one: one.sends(seconds),
        lambda one: one.burst(),
        *(lambda one, name=name: one.read(name, seconds / 2) for name in READS),
    ]
    found: dict[str, list[list[Sample]]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        level, kept = chosen.log_level, chosen.others.kept
        sites = [stack.enter_context(site(kind, size, level, kept)) for size in sizes]
        until_at_rest(sites)
        for one in sites:
            read_keys(one.stage.installation.database_url)
        # The first round fills caches and is not counted.
        for number in range(chosen.count(ROUNDS_QUICK, ROUNDS_FULL) + 1):
            for call in calls:
                samples = [call(one) for one in sites]
                if number:
                    for name in samples[0]:
                        found[name].append([sample[name] for sample in samples])
    return found


def ratio(rounds: Sequence[Sequence[Sample]], figure: str) -> float:
    """The last size's ÷ the first's."""
    return report.median(samples[-1][figure] / samples[0][figure] for samples in rounds)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[], help="stored top-ups")
    parser.add_argument("--only", choices=KINDS, default="")
    parser.add_argument("--kept", type=Path, help="a folder for what is stored, used again")


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    sizes = chosen.others.sizes or (FULL_SIZES if chosen.is_full else QUICK_SIZES)
    ratios = report.Table(
        f"Cost at {sizes[-1]:,} stored top-ups ÷ at {sizes[0]:,}",
        ("database", "call", "median", "mean"),
    )
    figures = report.Table(
        "Milliseconds, median (mean)", ("database", "call", *(f"{size:,}" for size in sizes))
    )
    for kind in [chosen.others.only] if chosen.others.only else KINDS:
        for name, rounds in measure(kind, sizes, chosen).items():
            ratios.add(kind, name, ratio(rounds, "p50_ms"), ratio(rounds, "mean_ms"))
            cells = []
            for place in range(len(sizes)):
                p50, mean = (
                    report.median(samples[place][figure] for samples in rounds)
                    for figure in ("p50_ms", "mean_ms")
                )
                cells.append(f"{report.shown(p50)} ({report.shown(mean)})")
            figures.add(kind, name, *cells)
    report.show(chosen, LARGE if sizes[-1] >= LARGE_SIZE else "growth", [ratios, figures])


if __name__ == "__main__":
    main()
