"""Records of usage by tokens: in batches of a thousand, and one a call, in the same run in turns.

    python -m bench.metering [--full] [--write] [--only sqlite|postgresql]

Through one gateway, over HTTP, one account and a capped key; each record has a reference of its own and
is priced by the list. A batch's answer comes after the fsync of all its records, a single one's after its
own. Asked are 5,000 records a second through batches on two cores. CPU seconds are those of the gateway,
and of PostgreSQL where there is one.

What others feel of it: another account sends all the while, one after the other, and before that with
nothing else going on. How long the event loop is held at a stretch is seen beside that in this process,
where the same app answers on asyncio's own loop: the CPU time of the longest callback, of which each run's
half of the batches had a shorter one; asked are 10 ms at most.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final, NamedTuple

import httpx
import msgspec

from bench import report
from bench.loading import load
from bench.loop_held import loop_held
from bench.scene import KINDS, Scene, in_turn, scene
from bench.usage import Meter, postmaster
from billing.usage.price_rows import NewPrice, set_prices
from kernel.clock import SystemClock
from keys.audit_log import Actor
from store.database import Transaction
from store.open import open_database
from tests.support.gateway import running, settings_of
from tests.support.installation import API, Installation
from tests.support.senders import client, order

RECORDS: Final = 1_000
BATCHES: Final = "batches of 1,000"
SINGLES: Final = "one per call"
ALONE: Final = "nothing else"
BATCHES_AT_ONCE: Final = 2
SINGLES_AT_ONCE: Final = 64
HELD_CALLS: Final = 8
SENDS_PER_S: Final = 20
ALONE_S: Final = 3
MODELS: Final = ("gpt-4o", "gpt-4o-mini", "claude-opus-4", "gemini-2.5-pro", "llama-4")
_number = count()


class _Charged(NamedTuple):
    """What was charged, how long all of it took, and the slowest call."""

    records: int
    seconds: float
    slowest_ms: float


class _Measured(NamedTuple):
    """One run: records a second, the slowest call in milliseconds, CPU microseconds a record, and the
    median and the slowest of another account's sends in milliseconds.
    """

    per_s: float
    slowest_ms: float
    cpu_us: Mapping[str, float]
    send_ms: float
    slowest_send_ms: float


def main() -> None:
    chosen = report.options(__doc__, _only, full_runs=3)
    charged = report.Table(
        "Records priced by tokens, from one account",
        (
            "database",
            "call",
            "records/s",
            "ratio to one per call",
            "slowest call, ms",
            "gateway µs",
            "PostgreSQL µs",
        ),
    )
    felt = report.Table(
        "What other calls notice while records arrive",
        (
            "database",
            "alongside",
            "loop blocked, ms",
            "ratio to one per call",
            "other account's send, ms",
            "ratio to nothing else",
            "slowest send, ms",
        ),
    )
    for kind in [chosen.others.only] if chosen.others.only else KINDS:
        with scene(kind, log_level=chosen.log_level, rate_limit_per_s="0") as stage:
            stage.installation.start(workers=0)
            rounds = asyncio.run(_measure(stage, chosen))
            held_ms = asyncio.run(_held_ms(stage))
        for name in (BATCHES, SINGLES):
            pairs = list(zip(rounds[name], rounds[SINGLES], strict=True))
            charged.add(
                kind,
                name,
                round(report.median(one.per_s for one, _ in pairs)),
                report.median(one.per_s / single.per_s for one, single in pairs),
                report.median(one.slowest_ms for one, _ in pairs),
                report.median(one.cpu_us["gateway"] for one, _ in pairs),
                report.median(one.cpu_us["postgres"] for one, _ in pairs) if stage.server else None,
            )
        for name, seen in rounds.items():
            held = held_ms.get(name)
            sends = list(zip(seen, rounds[ALONE], strict=True))
            felt.add(
                kind,
                name,
                held,
                None if held is None else held / held_ms[SINGLES],
                report.median(one.send_ms for one, _ in sends),
                report.median(one.send_ms / alone.send_ms for one, alone in sends),
                report.median(one.slowest_send_ms for one, _ in sends),
            )
    report.show(chosen, "metering", [charged, felt])


def _only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=KINDS, default="")


async def _measure(stage: Scene, chosen: report.Options) -> dict[str, list[_Measured]]:
    installation = stage.installation
    await _price(installation.database_url)
    roots = {"gateway": [installation.gateways[0].pid]}
    if stage.server is not None:
        roots["postgres"] = [await asyncio.to_thread(postmaster, stage.server.url)]
    batches, singles = 12, chosen.count(3_000, 10_000)
    rounds: dict[str, list[_Measured]] = {BATCHES: [], SINGLES: [], ALONE: []}
    key, other_key = await _funded_key(installation), await _funded_key(installation)
    async with client(key, timeout_s=60) as http, client(other_key, timeout_s=60) as other:
        runs: dict[str, Callable[[], Awaitable[_Charged]]] = {
            ALONE: _nothing,
            BATCHES: lambda: _batches(http, installation.url, batches),
            SINGLES: lambda: asyncio.to_thread(_singles, installation.url, key, singles),
        }
        await _batches(http, installation.url, 2)  # to warm up
        for _ in range(chosen.runs):
            for name, run in runs.items():
                meter = Meter(roots)
                meter.start()
                async with _sending(other, installation.url) as sends_s:
                    done = await run()
                count = done.records or 1
                cpu_us = {group: cpu * 1e6 / count for group, cpu in meter.cpu_s().items()}
                send_ms, slowest_send_ms = report.median(sends_s) * 1000, max(sends_s) * 1000
                per_s = done.records / done.seconds
                rounds[name].append(
                    _Measured(per_s, done.slowest_ms, cpu_us, send_ms, slowest_send_ms)
                )
    return rounds


async def _nothing() -> _Charged:
    await asyncio.sleep(ALONE_S)
    return _Charged(0, ALONE_S, 0)


async def _batches(http: httpx.AsyncClient, url: str, count: int) -> _Charged:
    began_s = time.perf_counter()
    slowest_s = await _run(http, url, [_batch() for _ in range(count)], BATCHES_AT_ONCE)
    return _Charged(count * RECORDS, time.perf_counter() - began_s, slowest_s * 1000)


def _singles(url: str, key: str, count: int) -> _Charged:
    """By the client of the sends: httpx makes 700 calls a second, too few for any batch to gather."""
    record = {**_record(), "reference": "call-{t}"}
    seen = load(
        url,
        path=f"{API}/usage",
        body=_body(record).decode(),
        keys=[key],
        connections=SINGLES_AT_ONCE,
        seconds=60,
        requests=count,
        is_idempotent=False,
    )
    assert not seen.refused, f"refused: {seen.statuses}"
    return _Charged(seen.requests, seen.seconds, seen.max_ms)


async def _funded_key(installation: Installation) -> str:
    account_id = await installation.account()
    await installation.fund(account_id, "staging", 1_000_000_000)
    return await installation.key(account_id, per_day_cents=10**9)


@asynccontextmanager
async def _sending(http: httpx.AsyncClient, url: str) -> AsyncIterator[list[float]]:
    """Sends at an even pace while it is open; the seconds that each one took."""
    took_s: list[float] = []

    async def send() -> None:
        async for _ in in_turn(10**9, SENDS_PER_S):
            began_s = time.perf_counter()
            answer = await http.post(f"{url}{API}/topup/send", json=order(100))
            assert answer.is_success, answer.text
            took_s.append(time.perf_counter() - began_s)

    sending = asyncio.create_task(send())
    try:
        yield took_s
    finally:
        if sending.done():
            await sending
        sending.cancel()


async def _held_ms(stage: Scene) -> dict[str, float]:
    """The CPU milliseconds of the longest callback of the loop, at the median call of each kind."""
    key = await _funded_key(stage.installation)
    settings = settings_of(stage.installation.database_url, stage.installation.data_dir)
    found: dict[str, float] = {}
    async with running(settings, SystemClock()) as gateway, client(key, timeout_s=60) as http:
        with loop_held() as longest:
            for name, body in ((BATCHES, _batch), (SINGLES, lambda: _body(_record()))):
                seen = []
                for _ in range(HELD_CALLS):
                    bodies = [body()]
                    longest.seconds = 0.0
                    await _run(http, gateway.url, bodies, 1)
                    seen.append(longest.seconds * 1000)
                found[name] = report.median(seen[2:])
    return found


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
