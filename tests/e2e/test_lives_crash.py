"""kill -9 of the gateway amid the events of whole lives: each comes to what it must all the same.

The lives are those of tests/billing/lives/test_whole_lives.py; here the gateway and the worker are
processes, and Stripe's stand-in sends what was not acknowledged again, as Stripe does.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from kernel.clock import SECOND_US, FixedClock, SystemClock
from runtime.context import open_context
from tests.billing.lives import payment_lives, plan_lives
from tests.billing.lives.table import TABLE
from tests.e2e.conftest import Install
from tests.e2e.test_purchase_crash import settings_of
from tests.support.gateway import Gateway
from tests.support.installation import Installation, Program
from tests.support.plain_http import http_client
from tests.support.sampled import Within
from tests.support.senders import PAUSE_S
from tests.support.stripe_api.account import Json
from tests.support.stripe_api.server import serving
from tests.support.stripe_api.webhooks import SECRET, signed
from tests.support.stripe_life import WEBHOOK, Life, Outcome, sell_plans

SAMPLED = Within(2, "lives that are killed")
SEED = 20260613
DEATHS = 2  # a life
# A life is paid with the gateway's own time, so none that counts half months is among them.
LIVES = (
    payment_lives.first_payment,
    payment_lives.two_refunds_of_which_one_failed,
    payment_lives.dispute_won,
    plan_lives.renewed_twice,
    plan_lives.past_due_until_it_ended,
    plan_lives.renewal_whose_refund_failed,
)


@dataclass
class KilledLife(Life):
    """Whose gateway dies amid the first deliveries, the second time with its worker."""

    installation: Installation = field(kw_only=True)
    chance: random.Random = field(kw_only=True)
    deaths: int = 0

    async def _deliver(self, events: Sequence[Json]) -> None:
        order = [*events, *events[::3]]
        self.chance.shuffle(order)
        async with asyncio.TaskGroup() as group:
            for event in order:
                group.create_task(self._until_heard(event))
            if self.deaths < DEATHS:
                # Somewhere between the first request and the last answer.
                await asyncio.sleep(self.chance.uniform(0.0, 0.05))
                victims = [self.installation.gateways[0], *self.installation.workers]
                await asyncio.to_thread(_die, victims[: self.deaths + 1])
                self.deaths += 1

    async def _until_heard(self, event: Json) -> None:
        """As Stripe does: again until the answer is 200."""
        headers, body = signed(event, SystemClock().now_us() // SECOND_US, SECRET)
        url = self.installation.url + WEBHOOK
        while True:
            try:
                answer = await self.gateway.client.post(url, headers=headers, content=body)
                if answer.status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(PAUSE_S)


def _die(victims: Sequence[Program]) -> None:
    for victim in victims:
        victim.kill()
        victim.restart()


@SAMPLED.mark
async def test_kill_9_amid_the_events_of_a_life_changes_nothing_of_what_it_costs(
    install: Install, kind: str
) -> None:
    # The other ones on the other kind of database.
    lives = SAMPLED.part(LIVES, number=["sqlite", "postgresql"].index(kind))
    came: dict[str, Outcome] = {}
    async with serving(SystemClock()) as stripe:
        installation = install(**stripe.settings())
        await asyncio.to_thread(installation.start)
        async with (
            open_context(settings_of(installation)) as context,
            http_client(base_url=installation.url, timeout=5.0) as http,
        ):
            gateway = Gateway(context, installation.url, http)
            prices = await sell_plans(gateway, stripe)
            for act in lives:
                account_id = await gateway.account()
                now_us = SystemClock().now_us()
                stripe.account.forget()
                stripe.account.now_s = now_us // SECOND_US
                stripe.news()
                life = KilledLife(
                    gateway,
                    stripe,
                    FixedClock(now_us),
                    account_id,
                    await gateway.key(account_id),
                    prices,
                    installation=installation,
                    chance=random.Random(SEED),
                )
                await act(life)
                came[act.__name__] = await life.outcome()

    assert came == {name: TABLE.outcomes[name] for name in came}
    assert await installation.findings() == []
