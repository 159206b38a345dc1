"""Every measurement of docs/performance.md, one after the other, the most important first.

    python -m bench [--full] [--no-write] [--minutes 48] [NAME …]

Quick by default: some twenty minutes, one short run each. --full takes medians of five, or of as many as the head
of each table says, and some three quarters of an hour. The tables are printed and kept in the page, each as
soon as its part has ended, so a stop loses the part under way alone. A part that fails does not keep the others
from running; one that takes three times its estimate is ended. With --minutes, what by its estimate would not
end in that time is left out. At the end it is said how long each part took, what failed or was left out (exit 1),
and what is asked of each figure, by the tables of the page (python -m bench.asked).

Not among them, for they take their time and keep no figures: python -m bench.crash, bench.failover and
bench.upgrade, and bench.against, which compares a send with an earlier tree's. bench.machines measures
nothing: it calculates from these.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bench import asked
from tests.support.installation import ROOT


@dataclass(frozen=True, slots=True)
class Part:
    """Seconds are about what it takes on two cores that do nothing else."""

    name: str
    quick_s: int
    full_s: int


PARTS: Final = (
    Part("send", 70, 380),
    Part("pipeline", 120, 450),
    Part("delivery", 120, 360),
    Part("growth", 100, 420),
    Part("scale", 120, 250),
    Part("idle", 30, 100),
    Part("claims", 50, 60),
    Part("latency", 40, 60),
    Part("isolation", 120, 150),
    Part("metering", 50, 60),
    Part("sizing", 40, 50),
    Part("rates", 70, 120),
    Part("audit", 80, 130),
    Part("prune", 180, 270),
)
NAMES: Final = tuple(part.name for part in PARTS)
# Of its estimate; a machine that does other things, too, is slower.
TIMES_MAX: Final = 3
STOP_S_MAX: Final = 60


def main() -> None:
    chosen = _arguments()
    # Ended from outside, it ends the part under way in order, as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    words = ["--full"] if chosen.full else []
    words += [] if chosen.no_write else ["--write"]
    parts = [part for part in PARTS if part.name in (chosen.names or NAMES)]
    estimates_s = {part.name: part.full_s if chosen.full else part.quick_s for part in parts}
    print(
        f"{len(parts)} parts, {sum(estimates_s.values()) / 60:.0f} minutes by estimate", flush=True
    )
    ends_s = time.monotonic() + (chosen.minutes * 60 or float("inf"))
    said, amiss = [], []
    for name, estimate_s in estimates_s.items():
        began_s = time.monotonic()
        if began_s + estimate_s > ends_s:
            outcome = "left out, there is not time enough"
        else:
            print(f"== {name}, {estimate_s} s by estimate", flush=True)
            outcome = _run(name, words, estimate_s * TIMES_MAX)
        took_s = time.monotonic() - began_s
        said.append(f"{name:10} {outcome}: {took_s:.0f} s, {estimate_s} by estimate")
        print(f"== {said[-1]}", flush=True)
        if outcome != "done":
            amiss.append(name)
    print("\n" + "\n".join(said) + "\n")
    asked.tell(is_kept=not chosen.no_write)
    if amiss:
        sys.exit(f"failed or left out: {', '.join(amiss)}")


def _run(name: str, words: Sequence[str], seconds_max: float) -> str:
    """What became of it."""
    part = subprocess.Popen([sys.executable, "-m", f"bench.{name}", *words], cwd=ROOT)
    try:
        return "failed" if part.wait(seconds_max) else "done"
    except subprocess.TimeoutExpired:
        return f"ended after {seconds_max:.0f} s"
    finally:
        # It ends what it started. Not by SIGINT, which a shell's background jobs ignore.
        if part.poll() is None:
            part.terminate()
            with suppress(subprocess.TimeoutExpired):
                part.wait(STOP_S_MAX)
            part.kill()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Seconds by estimate, quick and full: "
        + ", ".join(f"{part.name} {part.quick_s} {part.full_s}" for part in PARTS),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--no-write", action="store_true", help="print the tables only")
    parser.add_argument("--minutes", type=float, default=0, help="at most; 0: as long as it takes")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(NAMES)
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    return chosen


if __name__ == "__main__":
    main()
