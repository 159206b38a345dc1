"""Every measurement of docs/performance.md, one after the other.

    python -m bench [--full] [--no-write] [NAME …]

Quick by default: a few minutes, one short run each. --full takes medians of five and much longer.
The tables are printed and kept in the page; one that fails does not keep the others from running.
Not among them, for they take their time and keep no figures: python -m bench.crash, bench.failover and
bench.upgrade, and bench.against, which compares a send with an earlier tree's. bench.partitions and
bench.tenant_keys, which keep their own, show why something was not done. bench.machines measures nothing: it
calculates from these.
"""

import argparse
import subprocess
import sys
import time

from tests.support.installation import ROOT

NAMES = (
    "send",
    "pipeline",
    "delivery",
    "claims",
    "growth",
    "scale",
    "idle",
    "sizing",
    "prune",
    "metering",
    "audit",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--no-write", action="store_true", help="print the tables only")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(NAMES)
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    words = [word for word, is_said in (("--full", chosen.full),) if is_said]
    words += [] if chosen.no_write else ["--write"]
    failed = []
    for name in chosen.names or NAMES:
        began_s = time.monotonic()
        print(f"== {name}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}", *words], cwd=ROOT, check=False
        )
        if done.returncode:
            failed.append(name)
        print(f"== {name}: {time.monotonic() - began_s:.0f} s", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
