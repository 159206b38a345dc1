"""How long one call takes that sends a thousand top-ups: as JSON and CSV, all or nothing, and a dry run.

python -m bench.bulk [--full] [--write]

Through one gateway, over HTTP; the answer comes when every item is kept. CPU seconds are those of the
gateway, and of PostgreSQL where there is one, so that a busy machine can be told from a slow one.
"""

import asyncio
import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import httpx

from bench import report
from bench.scene import KINDS, Scene, scene
from bench.usage import Meter, postmaster
from tests.support.installation import API
from tests.support.senders import client

ITEMS = 1_000
_number = count()
_Request = Mapping[str, Any]


class _Measured(NamedTuple):
    """One call: its seconds, and the CPU seconds of each group."""

    seconds: float
    cpu_s: Mapping[str, float]


def main() -> None:
    chosen = report.options(__doc__)
    table = report.Table(
        f"One call of {ITEMS:,} items, in seconds",
        ("database", "call", "answered in", "gateway CPU", "PostgreSQL CPU"),
    )
    for kind in KINDS:
        with scene(kind, log_level=chosen.log_level, rate_limit_per_s="0") as stage:
            stage.installation.start(workers=0)
            for name, seen in asyncio.run(_measure(stage, chosen.count(3, report.FULL_RUNS))):
                table.add(
                    kind,
                    name,
                    report.median(one.seconds for one in seen),
                    report.median(one.cpu_s["gateway"] for one in seen),
                    report.median(one.cpu_s["postgres"] for one in seen) if stage.server else None,
                )
    report.show(chosen, "bulk", [table], notes="Different recipients, references of their own.")


async def _measure(stage: Scene, runs: int) -> list[tuple[str, Sequence[_Measured]]]:
    installation = stage.installation
    account_id = await installation.account()
    await installation.fund(account_id, "staging", 1_000_000_000)
    roots = {"gateway": [installation.gateways[0].pid]}
    if stage.server is not None:
        roots["postgres"] = [await asyncio.to_thread(postmaster, stage.server.url)]
    calls: Sequence[tuple[str, Callable[[], _Request]]] = (
        ("JSON", lambda: {"json": {"items": _items()}}),
        ("CSV", _csv),
        ("all or nothing", lambda: {"json": {"items": _items(), "all_or_nothing": True}}),
        ("dry run", lambda: {"json": {"items": _items(), "dry_run": True}}),
    )
    seen: list[tuple[str, Sequence[_Measured]]] = []
    async with client(await installation.key(account_id), timeout_s=60) as http:
        await _call(http, installation.url, {"json": {"items": _items()[:100]}})  # to warm up
        for name, make in calls:
            measured = []
            for _ in range(runs):
                request, meter = make(), Meter(roots)
                meter.start()
                began_s = time.perf_counter()
                await _call(http, installation.url, request)
                measured.append(_Measured(time.perf_counter() - began_s, meter.cpu_s()))
            seen.append((name, measured))
    return seen


async def _call(http: httpx.AsyncClient, url: str, request: _Request) -> None:
    answer = await http.post(f"{url}{API}/topup/bulk", **request)
    assert answer.is_success, answer.text
    assert not answer.json()["data"]["errors"], answer.text


def _items() -> list[dict[str, object]]:
    return [
        {
            "platform": "claude",
            "amount_cents": 100,
            "recipient_email": f"user{number}@example.com",
            "reference": f"order-{number}",
        }
        for number in (next(_number) for _ in range(ITEMS))
    ]


def _csv() -> _Request:
    items = _items()
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, items[0].keys())
    writer.writeheader()
    writer.writerows(items)
    return {"content": text.getvalue().encode(), "headers": {"Content-Type": "text/csv"}}


if __name__ == "__main__":
    main()
