"""A poisoned supplier beside a good one: what becomes of its top-ups, and what the others feel of it.

A part of bench.crash. Three platforms get sends at an even pace: one that credits at once, one of a good `http`
supplier, and one whose `http` supplier is well and poisoned in turns (bench/poisoned_supplier.py has its poisons).
It stays poisoned while workers are killed -9, is paused (and a worker killed meanwhile), resumed, and well at the end.
"""

import asyncio
import json
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import httpx

from bench.poisoned_supplier import DELIVERED, POISONS, SECRET, PoisonedSupplier
from bench.scene import HMAC_ALONE, Scene, in_turn, merchant
from bench.tenants import opened
from bench.trial import RETRY_SCHEDULE_S, Judged, Part, drained
from tests.support.plain_http import serving
from tests.support.receiver import Receiver
from tests.support.senders import order

PRICE_CENTS: Final = 100
PER_S: Final = 12.0
ROUNDS: Final = 4
ROUND_S: Final = 2.0
ROUND_END_S: Final = 0.5
KILLS: Final = 4
TIMEOUT_S: Final = 2.0
# A pause is seen within about a second; an ask that began before it has ended by then, too.
PAUSE_SEEN_S: Final = 1.0 + TIMEOUT_S
PAUSED_S: Final = 3.0
TIMES_MAX: Final = 2.0
PLATFORMS: Final = ("claude", "good", "poisoned")


@dataclass
class _Sends:
    """Sends of one platform: when each began, by its top-up's id."""

    platform: str
    began_s: dict[str, float] = field(default_factory=dict)

    async def send(self, http: httpx.AsyncClient, seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            async for _ in in_turn(round(seconds * PER_S), PER_S):
                group.create_task(self._one(http))

    async def _one(self, http: httpx.AsyncClient) -> None:
        began_s = time.perf_counter()
        answer = await http.post(
            "/topup/send", json={**order(PRICE_CENTS), "platform": self.platform}
        )
        assert answer.json()["code"] in {1001, 1002}, answer.text
        self.began_s[answer.json()["transaction_id"]] = began_s


@dataclass
class _Run:
    stage: Scene
    supplier: PoisonedSupplier
    receiver: Receiver
    http: httpx.AsyncClient
    random: random.Random
    funds_cents: int = 0
    sends: list[_Sends] = field(default_factory=lambda: [_Sends(one) for one in PLATFORMS])

    async def load(self, seconds: float) -> None:
        """Send to all platforms for so long."""
        await asyncio.gather(*(one.send(self.http, seconds) for one in self.sends))

    def took_s(self, of: _Sends, ids: Iterable[str]) -> list[float]:
        """Return from a send's beginning to its topup.delivered, of those that came."""
        came = {
            one.event["data"]["transaction_id"]: one.at_s
            for one in reversed(self.receiver.received)
            if one.event["type"] == "topup.delivered"
        }
        return [came[id_] - of.began_s[id_] for id_ in ids if id_ in came]

    async def balance_cents(self) -> int:
        return int((await self.http.get("/topup/balance")).json()["data"]["balance_cents"])

    async def kill_worker(self) -> None:
        worker = self.random.choice(self.stage.installation.workers)
        worker.kill()
        await asyncio.to_thread(worker.restart)

    async def operator(self, act: str) -> None:
        words = ("suppliers", act, "poisoned", "--reason", "bench")
        done = await asyncio.to_thread(self.stage.installation.run, *words)
        assert done.returncode == 0, done.stderr


async def judge(stage: Scene, seed: int) -> Judged:
    async with AsyncExitStack() as stack:
        supplier, good = PoisonedSupplier("GIFT"), PoisonedSupplier("GOOD")
        urls = [await stack.enter_async_context(serving(one.app)) for one in (good, supplier)]
        stage.installation.env["TOPUP_PLATFORMS"] = json.dumps(
            [
                {"id": "claude", "name": "Claude", "fulfilment": "wallet"},
                _platform("good", urls[0]),
                _platform("poisoned", urls[1]),
            ]
        )
        count = 2 if stage.kind == "postgresql" else 1
        await asyncio.to_thread(stage.installation.start, gateways=count, workers=count)
        supplier.gateways = [one.url for one in stage.installation.gateways]
        receiver = await stack.enter_async_context(Receiver())
        opened_ = merchant(
            stage.installation, receiver, retry_schedule_s=RETRY_SCHEDULE_S, **HMAC_ALONE
        )
        _, http = await stack.enter_async_context(opened_)
        run = _Run(stage, supplier, receiver, http, random.Random(seed))
        run.funds_cents = await run.balance_cents()
        return await _course(run)


def _platform(name: str, url: str) -> dict[str, object]:
    # Each http supplier has a secret of its own.
    secret = SECRET if name == "poisoned" else SECRET[:-4] + "QQ=="
    options = {"url": f"{url}/", "secret": secret, "timeout_s": TIMEOUT_S}
    return {"id": name, "name": name, "fulfilment": "http", "options": options}


async def _course(run: _Run) -> Judged:
    await run.load(1)
    ratios = await _ratios(run)
    run.supplier.is_well = False
    for _ in range(KILLS):
        await asyncio.gather(run.load(1), run.kill_worker())
    await run.operator("pause")
    await asyncio.gather(run.load(PAUSE_SEEN_S), run.kill_worker())
    before = run.supplier.asks
    await run.load(PAUSED_S)
    paused = run.supplier.asks - before
    await run.operator("resume")
    run.supplier.is_well = True
    await run.load(1)
    await _asked_again_now(run)
    await run.supplier.close()
    return await _judged(run, ratios, paused)


async def _ratios(run: _Run) -> Mapping[str, float]:
    """Return how many times as long others take beside the poison, from send to event, by the medians.

    In turns, so that what else the machine does is on both sides.
    """
    took: defaultdict[tuple[str, bool], list[float]] = defaultdict(list)
    for number in range(2 * ROUNDS):
        run.supplier.is_well = number % 2 == 0
        known = [set(one.began_s) for one in run.sends]
        await run.load(ROUND_S)
        await asyncio.sleep(ROUND_END_S)
        for one, before in zip(run.sends, known, strict=True):
            ids = one.began_s.keys() - before
            took[one.platform, run.supplier.is_well] += run.took_s(one, ids)
    return {
        name: statistics.median(took[name, False]) / statistics.median(took[name, True])
        for name in PLATFORMS
        if name != "poisoned"
    }


async def _asked_again_now(run: _Run) -> None:
    """Bring forward what a supplier is asked again for in 75 s to an hour, and wait until all is over.

    No ask is cut short by it: each of its workers is killed before.
    """
    installation = run.stage.installation
    for worker in installation.workers:
        worker.kill()
    async with opened(installation.database_url) as database:
        await database.transaction(
            lambda tx: tx.execute(
                """UPDATE topups SET next_check_at = created_at
                   WHERE status = 'pending' AND next_check_at IS NOT NULL"""
            )
        )
    for worker in installation.workers:
        await asyncio.to_thread(worker.restart)
    await drained(installation, _LEFT)


async def _judged(run: _Run, ratios: Mapping[str, float], paused: int) -> Judged:
    """Hold every send against the database, its code, its webhook and the wallet."""
    installation = run.stage.installation
    ends = dict(await installation.fetch(_ENDS))
    words = dict(await installation.fetch(_WORDS))
    findings = await installation.findings()
    sent, asked = {id_ for one in run.sends for id_ in one.began_s}, run.supplier.asked
    codes = {id_: await _code(run, id_) for id_, end in ends.items() if end == "delivered"}
    handed = {id_: run.supplier.handed[codes[id_] or ""] for id_ in codes.keys() & asked.keys()}
    told = {
        one.event["data"].get("transaction_id")
        for one in run.receiver.received
        if one.event["type"] in {"topup.delivered", "topup.failed"}
    }
    ended = Counter(ends.values())
    spent_cents = run.funds_cents - await run.balance_cents()
    sold = Counter(code for code in codes.values() if code is not None)
    counts = {
        "sends without their end": sum(
            ends.get(id_) not in (asked[id_].ends if id_ in asked else DELIVERED) for id_ in sent
        ),
        "codes sold twice": sum(times - 1 for times in sold.values()),
        "codes of another top-up": sum(id_ not in whose for id_, whose in handed.items()),
        "words lost": sum(end == "desk" and id_ not in words for id_, end in ends.items()),
        "webhooks lost": sum(end != "desk" and id_ not in told for id_, end in ends.items()),
        "cents lost": abs(spent_cents - PRICE_CENTS * (ended["delivered"] + ended["desk"])),
        "asked while paused": paused,
        # 200: the first word was never settled, since its worker was killed.
        "callbacks neither taken nor kept": sum(
            times for status, times in run.supplier.callbacks.items() if status not in {200, 409}
        ),
        "poisons never tried": len(set(POISONS) - set(asked.values())),
        "findings of the audit": len(findings),
    }
    broken = [f"{count} {what}, at most 0" for what, count in counts.items() if count]
    broken += [
        f"{name} {times:.2f} times as slow, at most {TIMES_MAX:g}"
        for name, times in ratios.items()
        if times > TIMES_MAX
    ]
    cells = [
        len(sent),
        *(ended[one] for one in ("delivered", "failed", "desk")),
        sum(words.values()),
        *(counts[one] for one in ("codes sold twice", "webhooks lost", "cents lost")),
        paused,
        *(f"{ratios[one]:.2f}" for one in ("good", "claude")),
    ]
    return Judged(PART.name, run.stage.kind, cells, broken, findings)


async def _code(run: _Run, id_: str) -> str | None:
    """Return the code as its sender sees it; None: the credit lies in the recipient's wallet."""
    given = (await run.http.get(f"/topup/status/{id_}")).json()["data"]["deliverable"]
    return None if given["kind"] == "credit" else given["value"]


PART: Final = Part(
    "poisoned",
    "A supplier that hands over something else than was ordered",
    (
        "",
        "sends",
        "delivered",
        "failed",
        "desk",
        "words kept",
        "sold twice",
        "webhooks lost",
        "cents lost",
        "asked while paused",
        "good ÷ quiet",
        "claude ÷ quiet",
        "ledger",
        "",
    ),
    judge,
)
# A top-up that nobody is asked for any more is the operator's.
_ENDS: Final = """
SELECT id, CASE WHEN status = 'pending' AND next_check_at IS NULL THEN 'desk' ELSE status END
FROM topups
"""
_WORDS: Final = "SELECT transaction_id, COUNT(*) FROM supplier_words GROUP BY transaction_id"
_LEFT: Final = """
SELECT (SELECT COUNT(*) FROM topups WHERE status = 'pending' AND next_check_at IS NOT NULL)
    + (SELECT COUNT(*) FROM deliveries WHERE status IN ('pending', 'sending'))
"""
