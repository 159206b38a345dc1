"""One payer's life at a gateway and at Stripe's stand-in, and what came of it at both."""

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from billing.catalog.plan import Plan, create as create_plan
from billing.catalog.product_fields import ProductFields
from billing.ledger.audit import audit
from kernel.clock import FixedClock
from store.database import Transaction
from tests.support.gateway import Gateway, running, settings_of
from tests.support.stripe_api import customers, refunds, subscriptions
from tests.support.stripe_api.account import Json
from tests.support.stripe_api.catalog import make_price
from tests.support.stripe_api.params import decoded
from tests.support.stripe_api.server import StripeApi, serving
from worker.money.renew import Renewer

WEBHOOK = "/payment/webhook/stripe"
DAY_S = 86_400
TEST_CREDIT_MICROS = 10_000_000_000
# What is sold: price in cents by interval, credits of a month.
PLANS: dict[str, tuple[dict[str, int], int]] = {
    "pro": ({"month": 1000, "year": 10_000}, 10_000),
    "team": ({"month": 3000}, 40_000),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a life came to. cents: what Stripe's balance has of it, fees aside; micros: credit beyond
    the test credit, owed_micros: what is owed; status: the subscription's.
    """

    cents: int
    micros: int
    owed_micros: int = 0
    status: str | None = None


@dataclass
class Life:
    """A payer. seed: events are told in that order of chance, some of them twice; null: as they came."""

    gateway: Gateway
    stripe: StripeApi
    clock: FixedClock
    account_id: str
    key: str
    prices: dict[tuple[str, str], str]
    seed: int | None = None
    told: list[Json] = field(default_factory=list)

    async def buy(self, cents: int = 2000, card: str = customers.PAYS) -> Json:
        """Credit for so many cents, paid on Stripe's page and told."""
        body = {"provider": "stripe", "amount_cents": cents}
        answer = await self.gateway.call("POST", "/orders", key=self.key, json=body)
        assert answer.status_code == 201, answer.text
        self.stripe.pay(self._session()["id"], card)
        await self.hear()
        return dict(answer.json()["data"])

    async def subscribe(
        self, plan: str = "pro", interval: str = "month", card: str = customers.PAYS
    ) -> None:
        """The plan, paid on Stripe's page and told."""
        await self.order_plan(plan, interval)
        self.stripe.pay(self._session()["id"], card)
        await self.hear()

    async def order_plan(self, plan: str = "pro", interval: str = "month") -> str:
        """Its order, whose page waits."""
        answer = await self.gateway.client.post(
            "/payment/create-session",
            json={"channel": "stripe", "type": "subscription", "plan_id": plan}
            | ({"interval": interval} if interval != "month" else {}),
            headers={"Authorization": f"Bearer {self.key}"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["order_id"])

    async def hear(self) -> None:
        """Stripe's events since the last time reach the gateway."""
        news = self.stripe.news()
        self.told += news
        if self.seed is None:
            await self._deliver(news)
            return
        chance = random.Random(self.seed + len(self.told))
        # Each at least once, a third of all that was ever told once more.
        again = chance.sample(self.told, len(self.told) // 3)
        dealt = [*news, *again]
        chance.shuffle(dealt)
        await self._deliver(dealt)

    async def pass_days(self, days: float) -> None:
        """Time goes on at both, and the worker looks."""
        self.clock.advance_s(days * DAY_S)
        self.stripe.pass_time(int(days * DAY_S))
        await self.hear()
        await self.look()

    async def look(self) -> None:
        """What the worker's loop does about subscriptions."""
        context = self.gateway.context
        await Renewer(context.database, context.clock, context.engine, context.payments).step()

    async def change(self, form: str) -> None:
        """The operator changes the subscription in Stripe's dashboard; form as of the API."""
        subscriptions.update(self.stripe.account, decoded(form), self.subscription["id"])
        await self.hear()

    async def switch(self, plan: str, behaviour: str = "always_invoice") -> None:
        """Another plan, by Stripe's portal or dashboard."""
        item = self.subscription["items"]["data"][0]["id"]
        price = self.prices[plan, "month"]
        await self.change(
            f"items[0][id]={item}&items[0][price]={price}&proration_behavior={behaviour}"
        )

    async def refund(self, cents: int, charge: Json | None = None) -> Json:
        """The operator gives money back in Stripe's dashboard."""
        form = f"charge={(charge or self.charge)['id']}&amount={cents}"
        made = refunds.make_refund(self.stripe.account, decoded(form))
        await self.hear()
        return made

    async def spend(self, cents: int) -> None:
        """Credit is used up."""
        answer = await self.gateway.call(
            "POST",
            "/usage",
            key=self.key,
            json={"amount_cents": cents, "description": "AI chat completion"},
        )
        assert answer.status_code == 200, answer.text

    @property
    def subscription(self) -> Json:
        return self.stripe.account.every("subscription")[-1]

    @property
    def charge(self) -> Json:
        """The latest payment."""
        return self.stripe.account.every("charge", status="succeeded")[-1]

    async def outcome(self) -> Outcome:
        """What it came to, at Stripe and in the ledger."""
        moved = self.stripe.account.every("balance_transaction")

        async def work(tx: Transaction) -> tuple[dict[str, int], str | None]:
            rows = await tx.fetch(
                """SELECT kind, SUM(balance_micros) AS held FROM ledger_accounts
                   WHERE account_id = :account_id AND environment = 'staging' GROUP BY kind""",
                account_id=self.account_id,
            )
            plan = await tx.fetch(
                "SELECT status FROM subscriptions WHERE account_id = :account_id ORDER BY id DESC",
                account_id=self.account_id,
            )
            held = {row["kind"]: int(row["held"]) for row in rows}
            return held, plan[0]["status"] if plan else None

        held, status = await self.gateway.context.database.read(work)
        credit = held.get("wallet", 0) + held.get("promo", 0) - TEST_CREDIT_MICROS
        return Outcome(
            sum(int(one["amount"]) for one in moved), credit, held.get("owed", 0), status
        )

    async def findings(self) -> list[Any]:
        return [finding async for finding in audit(self.gateway.context.database)]

    async def _deliver(self, events: list[Json]) -> None:
        url = self.gateway.url + WEBHOOK
        statuses = await self.stripe.deliver(self.gateway.client, url, events)
        assert set(statuses) <= {200}, statuses

    def _session(self) -> Json:
        return self.stripe.account.every("checkout.session")[-1]


@dataclass
class Lives:
    """A gateway that sells at the stand-in, for one life after the other."""

    gateway: Gateway
    stripe: StripeApi
    clock: FixedClock
    prices: dict[tuple[str, str], str]

    async def begin(self, seed: int | None = None) -> Life:
        """A new account; whatever was at Stripe before is forgotten."""
        self.stripe.account.forget()
        self.stripe.news()
        account_id = await self.gateway.account()
        key = await self.gateway.key(account_id)
        return Life(self.gateway, self.stripe, self.clock, account_id, key, self.prices, seed=seed)


@contextlib.asynccontextmanager
async def open_lives(
    database_url: str, folder: Path, clock: FixedClock, **overrides: Any
) -> AsyncIterator[Lives]:
    """The gateway asks the stand-in for all that it asks Stripe, in staging."""
    async with serving(clock) as stripe:
        settings = settings_of(database_url, folder, **{**stripe.settings(), **overrides})
        async with running(settings, clock) as gateway:
            prices = {
                (plan, interval): _price(stripe, cents, interval)
                for plan, (by_interval, _) in PLANS.items()
                for interval, cents in by_interval.items()
            }
            for plan in PLANS:
                await sell(gateway, plan, prices)
            yield Lives(gateway, stripe, clock, prices)


def _price(stripe: StripeApi, cents: int, interval: str) -> str:
    form = (
        f"currency=usd&unit_amount={cents}&recurring[interval]={interval}&product_data[name]=Credit"
    )
    return str(make_price(stripe.account, decoded(form))["id"])


async def sell(gateway: Gateway, plan: str, prices: dict[tuple[str, str], str]) -> None:
    """The plan as a row of staging, with Stripe's own prices."""
    by_interval, credits_ = PLANS[plan]
    made = Plan(
        environment="staging",
        id=plan,
        name=plan.capitalize(),
        price_monthly=by_interval["month"],
        price_yearly=by_interval.get("year"),
        credits_included=credits_,
        products={("stripe", way): prices[plan, way] for way in by_interval},  # type: ignore[misc]
        created_at=0,
    )
    fields_of = ProductFields.of(gateway.context.payments.providers.registrations)
    await gateway.context.database.transaction(lambda tx: create_plan(tx, made, fields_of))
