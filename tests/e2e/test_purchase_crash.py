"""kill -9 of gateways while people buy: nothing is paid twice, or paid and not credited for long.

tests/billing/payments/test_payments_crash.py dies at each single write; here real processes die anywhere.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from billing.payments.order_acts import LEASE_S
from kernel.clock import FixedClock, SystemClock
from runtime.context import open_context
from runtime.settings import Settings, load_settings
from tests.e2e.conftest import Install
from tests.support.gateway import running
from tests.support.installation import API, MASTER_KEY, Installation
from tests.support.senders import PATIENCE_S, PAUSE_S, client
from worker.money.provider_calls import Reconciler

SEED = 20260613
CLIENTS = 4
ORDERS = 24
KILLS = 6
PROVIDERS = ("creem", "epay", "myfatoorah", "stripe")
# Whoever stands in line at a dead gateway turns to the other one.
IN_LINE_S_MAX = 0.5
# One sweep comes a minute after the order, and looks every half minute at the latest.
SWEEP_S = 90


@dataclass
class Buyers:
    """People who do not give up. `bought` has each one's order by the key of the request.

    waiting: the numbers of those who are still to buy; who meets a gateway that is dead or busy lets
    the others go first.
    """

    urls: list[str]
    key: str
    waiting: deque[int]
    patience_s: float = IN_LINE_S_MAX  # with one request
    begun: set[int] = field(default_factory=set)
    bought: dict[str, str] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    _happened: asyncio.Event = field(default_factory=asyncio.Event)

    async def buy(self, random_: random.Random) -> None:
        """One after the other, until nobody waits."""
        async with client(self.key) as http:
            while self.waiting:
                number = self.waiting.popleft()
                self.begun.add(number)
                self._tell()
                if not await self._has_bought(number, http, random_):
                    self.waiting.append(number)
                    await asyncio.sleep(PAUSE_S)

    async def begin(self, count: int) -> None:
        """Returns when so many have begun to buy."""
        while len(self.begun) < count:
            await self._happened.wait()

    async def meet(self, refusals: int) -> None:
        """Returns when a dead gateway was met so often, or all is bought."""
        while self.statuses[0] < refusals and len(self.bought) < ORDERS:
            await self._happened.wait()

    def _tell(self) -> None:
        self._happened.set()
        self._happened = asyncio.Event()

    async def _has_bought(
        self, number: int, http: httpx.AsyncClient, random_: random.Random
    ) -> bool:
        """Whether the order was answered, and Pay on its page."""
        body = {"provider": PROVIDERS[number % 4], "amount_cents": 1000 + number}
        once = {"Idempotency-Key": f"buy-{number}"}
        url = random_.choice(self.urls)
        made = await self._post(http, f"{url}{API}/orders", json=body, headers=once)
        if made is None or made.status_code != 201:
            return False
        order = made.json()["data"]
        assert self.bought.setdefault(f"buy-{number}", order["id"]) == order["id"]
        self._tell()
        page = random_.choice(self.urls) + urlsplit(order["url"]).path
        paid = await self._post(http, page, data={"outcome": "paid"})
        return paid is not None and paid.status_code == 303

    async def _post(self, http: httpx.AsyncClient, url: str, **sent: Any) -> httpx.Response | None:
        """The answer; None where none came."""
        try:
            answer = await http.post(url, timeout=self.patience_s, **sent)
        except httpx.HTTPError:
            self.statuses[0] += 1
            self._tell()
            return None
        self.statuses[answer.status_code] += 1
        return answer


async def test_kill_9_while_people_buy_leaves_no_payment_uncredited(install: Install) -> None:
    installation = install()
    await asyncio.to_thread(installation.start, gateways=2, workers=0)
    account_id = await installation.account()
    urls = [gateway.url for gateway in installation.gateways]
    buyers = Buyers(urls, await installation.key(account_id), deque(range(ORDERS)))
    async with asyncio.TaskGroup() as group:
        people = [
            group.create_task(buyers.buy(random.Random(SEED + number))) for number in range(CLIENTS)
        ]
        await kill_some(installation, buyers)
        async with later(installation) as url:
            # Nobody is killed any more.
            buyers.urls[:], buyers.patience_s = [url], PATIENCE_S
            await asyncio.wait(people)

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
        await buyers.begin(kills * ORDERS // (KILLS + 2))
        await asyncio.sleep(random_.uniform(0.0, PAUSE_S))
        victim, refusals = random_.choice(installation.gateways), buyers.statuses[0]
        victim.kill()
        await buyers.meet(refusals + 1)
        await asyncio.to_thread(victim.restart)


@asynccontextmanager
async def later(installation: Installation) -> AsyncIterator[str]:
    """The address of a gateway for which the leases of those that were killed are over."""
    clock = FixedClock(SystemClock().now_us())
    clock.advance_s(LEASE_S + 1)
    async with running(settings_of(installation), clock) as gateway:
        yield gateway.url


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
