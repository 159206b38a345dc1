"""Records of usage by tokens: in batches of a thousand, and one a call, in the same run in turns.

    python -m bench.metering [--full] [--write] [--only sqlite|postgresql]

Through one gateway, over HTTP, one account and a capped key; each record has a reference of its own and
is priced by the list. A batch's answer comes after the fsync of all its records, a single one's after its
own. Asked are 5,000 records a second through batches on two cores. CPU seconds are those of the gateway,
and of PostgreSQL where there is one.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

import httpx
import msgspec

from bench import report
from bench.scene import KINDS, Scene, scene
from bench.usage import Meter, postmaster
from billing.usage.price_commands import NewPrice, set_prices
from keys.audit_log import Actor
from store.database import Transaction
from store.open import open_database
from tests.support.installation import API
from tests.support.senders import client

RECORDS: Final = 1_000
BATCHES_AT_ONCE: Final = 2
SINGLES_AT_ONCE: Final = 64
MODELS: Final = ("gpt-4o", "gpt-4o-mini", "claude-opus-4", "gemini-2.5-pro", "llama-4")
_number = count()


class _Measured(NamedTuple):
    """One run: records a second, the slowest call in milliseconds, and CPU microseconds a record."""

    per_s: float
    slowest_ms: float
    cpu_us: Mapping[str, float]


def main() -> None:
    chosen = report.options(__doc__, _only)
    table = report.Table(
        "Records of usage by tokens, one account",
        (
            "database",
            "call",
            "records/s",
            "÷ one a call",
            "slowest call, ms",
            "gateway µs",
            "PostgreSQL µs",
        ),
    )
    for kind in [chosen.others.only] if chosen.others.only else KINDS:
        with scene(kind, log_level=chosen.log_level, rate_limit_per_s="0") as stage:
            stage.installation.start(workers=0)
            rounds = asyncio.run(_measure(stage, chosen))
        for name, seen in rounds.items():
            pairs = zip(seen, rounds["one a call"], strict=True)
            table.add(
                kind,
                name,
                round(report.median(one.per_s for one in seen)),
                report.median(one.per_s / single.per_s for one, single in pairs),
                report.median(one.slowest_ms for one in seen),
                report.median(one.cpu_us["gateway"] for one in seen),
                report.median(one.cpu_us["postgres"] for one in seen) if stage.server else None,
            )
    report.show(chosen, "metering", [table])


def _only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=KINDS, default="")


async def _measure(stage: Scene, chosen: report.Options) -> dict[str, list[_Measured]]:
    installation = stage.installation
    account_id = await installation.account()
    await installation.fund(account_id, "staging", 1_000_000_000)
    await _price(installation.database_url)
    roots = {"gateway": [installation.gateways[0].pid]}
    if stage.server is not None:
        roots["postgres"] = [await asyncio.to_thread(postmaster, stage.server.url)]
    key = await installation.key(account_id, per_day_cents=10**9)
    batches, singles = chosen.count(12, 40), chosen.count(1_500, 10_000)
    rounds: dict[str, list[_Measured]] = {"batches of 1,000": [], "one a call": []}
    async with client(key, timeout_s=60) as http:
        await _run(http, installation.url, [_batch() for _ in range(2)], 1)  # to warm up
        for _ in range(chosen.runs):
            for name, bodies, at_once, each in (
                ("batches of 1,000", [_batch() for _ in range(batches)], BATCHES_AT_ONCE, RECORDS),
                ("one a call", [_body(_record()) for _ in range(singles)], SINGLES_AT_ONCE, 1),
            ):
                meter = Meter(roots)
                meter.start()
                began_s = time.perf_counter()
                slowest_s = await _run(http, installation.url, bodies, at_once)
                seconds, records = time.perf_counter() - began_s, len(bodies) * each
                cpu_us = {name: cpu * 1e6 / records for name, cpu in meter.cpu_s().items()}
                rounds[name].append(_Measured(records / seconds, slowest_s * 1000, cpu_us))
    return rounds


async def _price(url: str) -> None:
    database = open_database(url)

    async def work(tx: Transaction) -> None:
        new = [NewPrice(model=one, input_micros=2_500_000, output_micros=10**7) for one in MODELS]
        await set_prices(tx, "staging", new, by=Actor(), now_us=time.time_ns() // 1000)

    await database.transaction(work)
    await database.close()


async def _run(http: httpx.AsyncClient, url: str, bodies: Sequence[bytes], at_once: int) -> float:
    """Posts all of them; the slowest call's seconds."""
    waiting = iter(bodies)
    slowest_s = 0.0

    async def post() -> None:
        nonlocal slowest_s
        for body in waiting:
            began_s = time.perf_counter()
            answer = await http.post(
                f"{url}{API}/usage", content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 200, answer.text
            assert b'"refused"' not in answer.content.replace(b'"refused":0', b""), answer.text
            slowest_s = max(slowest_s, time.perf_counter() - began_s)

    await asyncio.gather(*(post() for _ in range(at_once)))
    return slowest_s


def _batch() -> bytes:
    return _body({"records": [_record() for _ in range(RECORDS)]})


def _body(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(value)


def _record() -> dict[str, Any]:
    number = next(_number)
    return {
        "model": MODELS[number % len(MODELS)],
        "input_tokens": 1_200 + number % 100,
        "cached_tokens": 800,
        "output_tokens": 300,
        "reference": f"call-{number}",
    }


if __name__ == "__main__":
    main()
