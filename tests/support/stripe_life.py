"""One payer's life at a gateway and at Stripe's stand-in, and what came of it at both."""

import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.catalog.grant_terms import DEFAULT_TERMS, GrantTerms
from billing.catalog.plan import Plan, create as create_plan
from billing.catalog.product_fields import ProductFields
from billing.proof.audit import audit
from billing.providers.protocol import Interval
from kernel.clock import SECOND_US, FixedClock
from keys.account import set_operator
from keys.tokens import access_token
from store.database import Transaction
from tests.support.gateway import Gateway, running, settings_of
from tests.support.stripe_api import customers, refunds, subscriptions
from tests.support.stripe_api.account import Json
from tests.support.stripe_api.catalog import make_price
from tests.support.stripe_api.params import decoded
from tests.support.stripe_api.server import StripeApi, serving
from worker.money.due import Expirer, PlanCreditor, Renewer
from worker.money.provider_calls import RefundLoop, Steerer

WEBHOOK = "/payment/webhook/stripe"
DAY_S = 86_400
Prices = Mapping[tuple[str, Interval], str]  # by plan and interval
TEST_CREDIT_MICROS = 10_000_000_000
# What is sold: price in cents by interval, credits of a month.
PLANS: dict[str, tuple[dict[Interval, int], int]] = {
    "pro": ({"month": 1000, "year": 10_000}, 10_000),
    "team": ({"month": 3000}, 40_000),
    "tryout": ({"month": 1000}, 10_000),
    "drip": ({"month": 1000, "year": 10_000}, 10_000),
    "fresh": ({"month": 1000}, 10_000),
    "rolling": ({"month": 1000}, 10_000),
}
TERMS = {
    "drip": GrantTerms(grants="monthly"),
    "fresh": GrantTerms(credit_expires="period_end"),
    "rolling": GrantTerms(credit_expires="period_end", rollover_max_credits=4_000),
}
TRIALS = {"tryout": (7, 1000)}  # days and credits before the first payment


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a life came to.

    cents: what Stripe's balance has of it, fees aside; micros: the credit that the payer has or has
    used, without the test credit; owed_micros: what is owed; status: the subscription's.
    """

    cents: int
    micros: int
    owed_micros: int = 0
    status: str | None = None


@dataclass
class Life:
    """A payer.

    seed: events are told in an order of chance, a third of them twice; null: as they came about.
    is_late: all of them at the end.
    """

    gateway: Gateway
    stripe: StripeApi
    clock: FixedClock
    account_id: str
    key: str
    prices: Prices
    seed: int | None = None
    is_late: bool = False
    spent_micros: int = 0
    told: list[Json] = field(default_factory=list)

    async def buy(self, cents: int = 2000, card: str = customers.PAYS) -> Json:
        """Credit for so many cents, paid on Stripe's page and told."""
        order = await self.order(cents)
        await self.pay(card)
        return order

    async def order(self, cents: int = 2000) -> Json:
        """Credit for so many cents, whose page waits."""
        body = {"provider": "stripe", "amount_cents": cents}
        answer = await self.gateway.call("POST", "/orders", key=self.key, json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    async def pay(self, card: str = customers.PAYS) -> bool:
        """The payer pays on the latest page; whether the card did."""
        is_paid = self.stripe.pay(self.session["id"], card)
        await self.hear()
        return is_paid

    async def subscribe(
        self, plan: str = "pro", interval: str = "month", card: str = customers.PAYS
    ) -> None:
        """The plan, paid on Stripe's page and told."""
        await self.order_plan(plan, interval)
        await self.pay(card)

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
        if self.is_late:
            return
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

    async def hear_all(self) -> None:
        """What was kept until the end is told."""
        self.is_late = False
        await self.hear()

    async def pass_days(self, days: float) -> None:
        """Time goes on at both, and the worker looks."""
        self.clock.advance_s(days * DAY_S)
        self.stripe.pass_time(int(days * DAY_S))
        await self.hear()
        await self.look()

    async def look(self) -> None:
        """What the worker's loops do about subscriptions."""
        context = self.gateway.context
        payments = context.payments
        await Renewer(context.database, context.clock, context.engine, payments).step()
        await Steerer(context.database, context.clock, payments.steering).step()
        await PlanCreditor(context.database, context.clock, context.engine, ()).step()
        await Expirer(context.database, context.clock, context.engine).sweep()
        await RefundLoop(context.database, context.clock, context.refunder).step()

    async def change(self, form: str) -> None:
        """The operator changes the subscription in Stripe's dashboard; form as of the API."""
        subscriptions.update(self.stripe.account, decoded(form), self.subscription["id"])
        await self.hear()

    async def steer(self, act: str, *, status: int = 200, **body: str) -> None:
        """The payer steers the latest plan at our own API."""
        listed = await self.gateway.call("GET", "/subscriptions", key=self.key)
        path = f"/subscriptions/{listed.json()['data']['items'][0]['id']}/{act}"
        answer = await self.gateway.call("POST", path, key=self.key, json=body)
        assert answer.status_code == status, answer.text
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

    async def ask_back(self, order_id: str, *, status: int = 202, **body: Any) -> None:
        """The operator asks for a refund at our own API, and the worker looks."""
        operator = await operator_of(self.gateway, self.account_id)
        answer = await self.gateway.call(
            "POST", f"/orders/{order_id}/refund", key=operator, json={"reason": "asked", **body}
        )
        assert answer.status_code == status, answer.text
        await self.look()
        await self.hear()

    async def spend(self, cents: int, *, status: int = 200) -> None:
        """Credit is used up, unless that is refused."""
        answer = await self.gateway.call(
            "POST",
            "/usage",
            key=self.key,
            json={"amount_micros": cents * 10_000, "description": "AI chat completion"},
        )
        assert answer.status_code == status, answer.text
        self.spent_micros += cents * 10_000 if status == 200 else 0

    @property
    def session(self) -> Json:
        """The latest page."""
        return self.stripe.account.every("checkout.session")[-1]

    @property
    def customer(self) -> str:
        return str(self.subscription["customer"])

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
        cents = sum(int(one["amount"]) for one in moved)
        had = held.get("wallet", 0) + held.get("grant", 0) + self.spent_micros - TEST_CREDIT_MICROS
        return Outcome(cents, had, held.get("owed", 0), status)

    async def _deliver(self, events: list[Json]) -> None:
        url = self.gateway.url + WEBHOOK
        statuses = await self.stripe.deliver(self.gateway.client, url, events)
        assert set(statuses) <= {200}, statuses


@dataclass
class Lives:
    """A gateway that sells at the stand-in, for one life after the other."""

    gateway: Gateway
    stripe: StripeApi
    clock: FixedClock
    prices: Prices

    async def begin(self, seed: int | None = None, *, is_late: bool = False) -> Life:
        """A new account on the first day of a month of 30 days; what was at Stripe is forgotten."""
        self.stripe.account.forget()
        wait_s = until_month_of_30_days(self.clock.now_us() // SECOND_US)
        self.clock.advance_s(wait_s)
        self.stripe.pass_time(wait_s)
        self.stripe.news()
        account_id = await self.gateway.account()
        key = await self.gateway.key(account_id)
        places = (self.gateway, self.stripe, self.clock)
        return Life(*places, account_id, key, self.prices, seed=seed, is_late=is_late)

    async def findings(self) -> list[Any]:
        return [finding async for finding in audit(self.gateway.context.database)]


@contextlib.asynccontextmanager
async def open_lives(
    database_url: str,
    folder: Path,
    clock: FixedClock,
    *,
    prices: Prices | None = None,
    **overrides: Any,
) -> AsyncIterator[Lives]:
    """The gateway asks the stand-in for all that it asks Stripe, in staging.

    prices: those that the plans have already, where they are sold already.
    """
    async with serving(clock) as stripe:
        settings = settings_of(database_url, folder, **{**stripe.settings(), **overrides})
        async with running(settings, clock) as gateway:
            sold = await sell_plans(gateway, stripe) if prices is None else prices
            yield Lives(gateway, stripe, clock, sold)


def until_month_of_30_days(now_s: int) -> int:
    """Seconds until the next one begins, so that half of a first period is 15 days."""
    now = datetime.fromtimestamp(now_s, UTC)
    begins = [
        datetime(year, month, 1, tzinfo=UTC)
        for year in (now.year, now.year + 1)
        for month in (4, 6, 9, 11)
    ]
    return int(next(one for one in begins if one > now).timestamp()) - now_s


async def operator_of(gateway: Gateway, account_id: str) -> str:
    """A token that administers staging, of that account."""

    async def work(tx: Transaction) -> str:
        await set_operator(tx, account_id, is_operator=True)
        _, secret = await access_token.create(
            tx,
            kind="operator",
            account_id=account_id,
            environment="staging",
            name="Test",
            maker=None,
            now_us=gateway.context.clock.now_us(),
        )
        return secret

    return await gateway.context.database.transaction(work)


async def sell_plans(gateway: Gateway, stripe: StripeApi) -> Prices:
    """The plans as rows of staging, each with prices of Stripe's own."""
    prices = {
        (plan, interval): _price(stripe, cents, interval)
        for plan, (by_interval, _) in PLANS.items()
        for interval, cents in by_interval.items()
    }
    fields_of = ProductFields.of(gateway.context.payments.providers.registrations)
    for plan, (by_interval, credits_) in PLANS.items():
        made = Plan(
            environment="staging",
            id=plan,
            name=plan.capitalize(),
            price_monthly=by_interval["month"],
            price_yearly=by_interval.get("year"),
            credits_included=credits_,
            products={("stripe", way): prices[plan, way] for way in by_interval},
            trial_days=TRIALS.get(plan, (0, 0))[0],
            trial_credits=TRIALS.get(plan, (0, 0))[1],
            grant_terms=TERMS.get(plan, DEFAULT_TERMS),
            created_at=0,
        )
        await gateway.context.database.transaction(
            lambda tx, made=made: create_plan(tx, made, fields_of)  # type: ignore[misc]
        )
    return prices


def _price(stripe: StripeApi, cents: int, interval: str) -> str:
    form = (
        f"currency=usd&unit_amount={cents}&recurring[interval]={interval}&product_data[name]=Credit"
    )
    return str(make_price(stripe.account, decoded(form))["id"])
