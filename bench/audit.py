"""How long `topup audit` takes for one large account, and how much memory: full, and from the sealed days.

python -m bench.audit [--full] [--write] [--sizes 100000] [--only sqlite|postgresql]

An account with so many top-ups of sixty days and a tenth as many recipients. First a full audit, of which nothing is sealed;
then `topup checkpoints seal` seals all days, adds them to the sums and seals each event; then an audit that stands on both, and
a full one again. Each is a command as an operator runs it; memory is that of the command at its peak, without PostgreSQL's.
"""

import argparse
import asyncio
import os
import subprocess
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from bench import report
from bench.scene import KINDS, scene
from bench.stock import stock, tidy
from bench.tenants import open_tenants, opened
from bench.usage import Meter
from billing.records.sealing import RecordSealer
from kernel.clock import DAY_US, FixedClock, SystemClock
from keys.vault import Vault
from tests.support.installation import MASTER_KEY, Installation

QUICK_SIZES: Final = (100_000,)
FULL_SIZES: Final = (200_000,)
SPAN_US: Final = 60 * DAY_US
LOOK_S: Final = 0.02
TABLES: Final = frozenset({"topups", "transfers", "events"})
COMMANDS: Final = (
    ("first audit, in full", ("audit",)),
    ("seal and sum sixty days", ("checkpoints", "seal")),
    ("audit from the sealed days", ("audit",)),
    ("audit --full", ("audit", "--full")),
)


class _Ran(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_s: float
    peak_mb: float


def main() -> None:
    chosen = report.options(__doc__, _arguments)
    sizes = chosen.others.sizes or (FULL_SIZES if chosen.is_full else QUICK_SIZES)
    table = report.Table(
        "One account, in seconds",
        ("database", "top-ups", "command", "seconds", "CPU seconds", "peak MB"),
    )
    for kind in [chosen.others.only] if chosen.others.only else KINDS:
        for size in sizes:
            for name, ran in _measure(kind, size):
                table.add(kind, size, name, ran.seconds, ran.cpu_s, ran.peak_mb)
                print(f"  {kind} {size:,} {name}: {ran.seconds:.1f} s", flush=True)
    report.show(
        chosen,
        "audit",
        [table],
        notes="There are a tenth as many recipients as top-ups.",
        is_once=True,
    )


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[], help="stored top-ups")
    parser.add_argument("--only", choices=KINDS, default="")


def _measure(kind: str, size: int) -> Sequence[tuple[str, _Ran]]:
    with scene(kind) as stage:
        url = stage.installation.database_url
        tenants = asyncio.run(open_tenants(url, 1))
        asyncio.run(_begin_records(url))
        asyncio.run(stock(url, tenants, size, span_us=SPAN_US, tables=TABLES))
        found = []
        for name, words in COMMANDS:
            found.append((name, _run(stage.installation, words)))
            # As a database does by itself in the quiet hours after.
            tidy(url)
        return found


async def _begin_records(url: str) -> None:
    """Begin the record log before the first top-up, so that each event is sealed."""
    clock = FixedClock(SystemClock().now_us() - SPAN_US - DAY_US)
    async with opened(url) as database:
        await RecordSealer(database, Vault([bytes.fromhex(MASTER_KEY)]), clock).seal()


def _run(installation: Installation, words: Sequence[str]) -> _Ran:
    began_s = time.perf_counter()
    command = subprocess.Popen(
        [*installation.topup, *words],
        cwd=installation.data_dir,
        env=installation.env,
        stdout=subprocess.DEVNULL,
    )
    meter, peak_mb, pid = Meter({"command": [command.pid]}), 0.0, 0
    while not pid:
        peak_mb = max(peak_mb, meter.peak_mb()["command"])
        time.sleep(LOOK_S)
        pid, status, used = os.wait4(command.pid, os.WNOHANG)
    assert status == 0, f"topup {' '.join(words)} ended with {status}"
    seconds = time.perf_counter() - began_s
    return _Ran(seconds, used.ru_utime + used.ru_stime, peak_mb)


if __name__ == "__main__":
    main()
