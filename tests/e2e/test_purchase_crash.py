"""kill -9 of gateways while people buy: nothing is paid twice, or paid and not credited for long.

tests/billing/payments/test_payments_crash.py dies at each single write; here real processes die anywhere.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from kernel.clock import FixedClock, SystemClock
from runtime.context import open_context
from runtime.settings import Settings, load_settings
from tests.e2e.conftest import Install
from tests.support.installation import API, MASTER_KEY, Installation
from tests.support.senders import PAUSE_S, client
from worker.money.reconcile import Reconciler

SEED = 20260613
CLIENTS = 4
ORDERS = 24
KILLS = 6
PROVIDERS = ("creem", "epay", "myfatoorah", "stripe")
# Whoever stands in line at a dead gateway turns to the other one.
ANSWER_S_MAX = 2.0
# One sweep comes a minute after the order, and looks every half minute at the latest.
SWEEP_S = 90


@dataclass
class Buyers:
    """People who do not give up. `bought` has each one's order by the key of the request."""

    urls: list[str]
    key: str
    bought: dict[str, str] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    _happened: asyncio.Event = field(default_factory=asyncio.Event)

    async def buy(self, numbers: list[int], random_: random.Random) -> None:
        """Each order, and Pay on its page, each repeated until it is answered."""
        async with client(self.key, timeout_s=ANSWER_S_MAX) as http:
            for number in numbers:
                body = {"provider": PROVIDERS[number % 4], "amount_cents": 1000 + number}
                once = {"Idempotency-Key": f"buy-{number}"}
                made = await self._until(
                    http, random_, 201, f"{API}/orders", json=body, headers=once
                )
                order = made.json()["data"]
                self.bought[f"buy-{number}"] = order["id"]
                self._tell()
                path = urlsplit(order["url"]).path
                await self._until(http, random_, 303, path, data={"outcome": "paid"})

    async def order(self, count: int) -> None:
        """Returns when so many orders are made."""
        while len(self.bought) < count:
            await self._happened.wait()

    async def meet(self, refusals: int) -> None:
        """Returns when a dead gateway was met so often, or all is bought."""
        while self.statuses[0] < refusals and len(self.bought) < ORDERS:
            await self._happened.wait()

    def _tell(self) -> None:
        self._happened.set()
        self._happened = asyncio.Event()

    async def _until(
        self,
        http: httpx.AsyncClient,
        random_: random.Random,
        status: int,
        path: str,
        **sent: object,
    ) -> httpx.Response:
        while True:
            try:
                answer = await http.post(random_.choice(self.urls) + path, **sent)  # type: ignore[arg-type]
                self.statuses[answer.status_code] += 1
                if answer.status_code == status:
                    return answer
            except httpx.HTTPError:
                self.statuses[0] += 1
                self._tell()
            await asyncio.sleep(PAUSE_S)


async def test_kill_9_while_people_buy_leaves_no_payment_uncredited(install: Install) -> None:
    installation = install()
    await asyncio.to_thread(installation.start, gateways=2, workers=0)
    account_id = await installation.account()
    urls = [gateway.url for gateway in installation.gateways]
    buyers = Buyers(urls, await installation.key(account_id))
    async with asyncio.TaskGroup() as group:
        for first in range(CLIENTS):
            numbers = list(range(first, ORDERS, CLIENTS))
            group.create_task(buyers.buy(numbers, random.Random(SEED + first)))
        await kill_some(installation, buyers)

    await sweep(installation)

    orders = await installation.fetch("SELECT id, status, amount FROM orders ORDER BY id")
    credited = await installation.fetch(
        "SELECT subject_id, SUM(amount_micros) FROM transfers WHERE code = 'purchase'"
        " GROUP BY subject_id ORDER BY subject_id"
    )
    assert buyers.statuses[0] > 0, "nobody met a dead gateway"
    assert len(orders) == ORDERS == len(set(buyers.bought.values()))
    assert {status for _, status, _ in orders} == {"paid"}
    assert [(id_, int(micros)) for id_, micros in credited] == [
        (id_, amount * 10_000) for id_, _, amount in orders
    ]
    assert await installation.findings() == []


async def kill_some(installation: Installation, buyers: Buyers) -> None:
    """Each kill comes amid orders, and somebody meets the dead gateway before it is back."""
    random_ = random.Random(SEED)
    for kills in range(1, KILLS + 1):
        await buyers.order(kills * ORDERS // (KILLS + 2))
        await asyncio.sleep(random_.uniform(0.0, PAUSE_S))
        victim, refusals = random_.choice(installation.gateways), buyers.statuses[0]
        victim.kill()
        await buyers.meet(refusals + 1)
        await asyncio.to_thread(victim.restart)


async def sweep(installation: Installation) -> None:
    """What a worker does within the next minute and a half, at once."""
    clock = FixedClock(SystemClock().now_us())
    clock.advance_s(SWEEP_S)
    async with open_context(settings_of(installation), clock=clock) as context:
        await Reconciler(context.database, clock, context.payments).step()


def settings_of(installation: Installation) -> Settings:
    return load_settings(
        database_url=SecretStr(installation.database_url),
        data_dir=Path(installation.data_dir),
        redis_url=SecretStr(installation.redis.url),
        secret_key=SecretStr(MASTER_KEY),
    )
