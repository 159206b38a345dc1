"""A charge of usage and a hold beside a send, in the same run, one after the other.

    python -m bench.charge [--full] [--only sqlite|postgresql]

The gateway of bench/send.py: 64 connections, one capped wallet, an idempotency key on each request,
each answer after its fsync. Ratios are medians of the rounds'.
"""

import argparse
import asyncio

from bench import report
from bench.loading import SEND_BODY, SEND_PATH, Load, load
from bench.scene import KINDS, scene
from bench.tenants import open_tenants
from tests.support.installation import API

CONNECTIONS = 64
RATE_LIMIT = "1000000"
USED = '"amount_micros":1000,"description":"AI chat completion","model":"gpt-4"'
CALLS = {
    "send": (SEND_PATH, SEND_BODY),
    "charge": (f"{API}/usage", f"{{{USED}}}"),
    "hold": (f"{API}/holds", f'{{{USED},"ttl_s":86400}}'),
}


def measure(kind: str, chosen: report.Options) -> dict[str, list[Load]]:
    """The rounds of each call on one kind of database."""
    rounds: dict[str, list[Load]] = {name: [] for name in CALLS}
    with scene(kind, rate_limit_per_s=RATE_LIMIT, log_level=chosen.log_level) as found:
        installation = found.installation
        installation.start(gateways=1, workers=0)
        [tenant] = asyncio.run(open_tenants(installation.database_url, 1))
        for _ in range(chosen.runs):
            for name, (path, body) in CALLS.items():
                seen = load(
                    installation.url,
                    path=path,
                    body=body,
                    keys=[tenant.key],
                    connections=CONNECTIONS,
                    seconds=chosen.pick(1.5, 5),
                )
                assert not seen.refused, f"{name} was refused: {seen.statuses}"
                rounds[name].append(seen)
    return rounds


def _only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=KINDS, default="")


def main() -> None:
    chosen = report.options(__doc__, _only)
    table = report.Table(
        "Usage beside a send, 64 connections, one wallet",
        ("database", "call", "per s", "÷ send", "p50 ms", "p99 ms"),
    )
    for kind in [chosen.others.only] if chosen.others.only else KINDS:
        rounds = measure(kind, chosen)
        for name, seen in rounds.items():
            pairs = zip(seen, rounds["send"], strict=True)
            table.add(
                kind,
                name,
                round(report.median(one.per_s for one in seen)),
                report.median(one.per_s / send.per_s for one, send in pairs),
                report.median(one.p50_ms for one in seen),
                report.median(one.p99_ms for one in seen),
            )
    report.show(chosen, "charge", [table])


if __name__ == "__main__":
    main()
