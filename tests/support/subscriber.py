"""Plans and those who subscribe to them: what the tests of subscriptions start from."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from billing.catalog.plan import Plan, create as create_plan, get, item_of
from billing.catalog.product_fields import ProductFields
from billing.ledger.price import Price
from billing.orders.order import Order
from billing.orders.place import NewOrder
from billing.payments.payments import Payments
from billing.payments.sandbox import (
    checkout as sandbox_checkout,
    subscription as sandbox_subscription,
)
from billing.payments.sandbox.checkout import SandboxCheckout
from billing.providers.event_log import NotificationOutcome, NotificationRef
from billing.providers.protocol import Fact, Interval, SandboxEvent
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.lifecycle import PassTime
from billing.subscriptions.subscription import Period, Subscription
from kernel.clock import DAY_US, FixedClock
from store.database import Database, Transaction
from tests.support.toypay_buyer import ToypayBuyer, open_toypay_buyer

# $10.00 for 10,000 credits a month, $100.00 a year; $30.00 for 40,000.
PRO = {"price_monthly": 1000, "price_yearly": 10_000, "credits_included": 10_000}
TEAM = {"price_monthly": 3000, "price_yearly": None, "credits_included": 40_000}


@dataclass(slots=True)
class Subscriber:
    """A buyer of the plans pro and team, sold by the sandbox in Stripe's place."""

    buyer: ToypayBuyer

    @property
    def database(self) -> Database:
        return self.buyer.account.database

    @property
    def clock(self) -> FixedClock:
        return self.buyer.account.clock

    async def plan(self, plan_id: str, **fields: Any) -> Plan:
        made = Plan(
            **{
                "environment": "staging",
                "id": plan_id,
                "name": plan_id.capitalize(),
                "created_at": 0,
                **fields,
            }
        )
        fields_of = ProductFields.of(self.buyer.payments.providers.registrations)
        return await self.database.transaction(lambda tx: create_plan(tx, made, fields_of))

    async def join(
        self,
        plan_id: str = "pro",
        interval: Interval = "month",
        *,
        provider: str = "stripe",
        **fields: Any,
    ) -> Order:
        """An order of the plan, not paid yet."""
        plan = await self.database.read(lambda tx: get(tx, ("staging", plan_id)))
        sold_by = self.buyer.payments.providers.registration(provider)
        item = item_of(plan, sold_by, interval, is_simulated=True)
        new = NewOrder(provider=provider, kind="subscription", plan=item, **fields)
        return await self.buyer.payments.place(self.buyer.account.principal.tenant, new)

    async def pay(self, order: Order) -> SandboxCheckout:
        """The page is paid; nobody is told yet."""
        assert order.url is not None
        token = order.url.rpartition("/")[2]
        now_us = self.clock.now_us()
        return await self.database.transaction(
            lambda tx: sandbox_checkout.decide(tx, token, "paid", now_us=now_us)
        )

    async def tell(
        self, sandbox_event: SandboxEvent, payments: Payments | None = None, name: str = "stripe"
    ) -> NotificationOutcome:
        """The outcome of the notification with which the provider tells of the sandbox event."""
        teller = payments or self.buyer.payments
        provider = teller.providers.of(name, "staging")
        assert provider is not None
        return (await teller.notified(name, provider.simulate(sandbox_event))).outcome

    def notification(self, event: str) -> NotificationRef:
        return NotificationRef("stripe", "staging", f"evt_{event}", "test")

    async def act(self, fact: Fact, notification: NotificationRef) -> NotificationOutcome:
        """The outcome of a fact that no stand-in tells of."""
        return await self.buyer.payments.notifications.act_on([fact], notification)

    async def begin(self, plan_id: str = "pro", **fields: Any) -> Subscription:
        """A subscription whose first period was paid and credited."""
        order = await self.join(plan_id, **fields)
        provider = order.provider
        await self.tell((await self.pay(order)).sandbox_event(), name=provider)
        await self.bill(order, name=provider)
        return await self.now(order)

    async def bill(self, order: Order, *, name: str = "stripe") -> NotificationOutcome:
        """The sandbox's next bill, told and noted."""
        one = await self.database.read(lambda tx: sandbox_subscription.find_of_order(tx, order.id))
        assert one is not None
        sandbox_event, after = sandbox_subscription.bill(one)
        outcome = await self.tell(sandbox_event, name=name)
        await self.database.transaction(lambda tx: sandbox_subscription.note(tx, one, after))
        return outcome

    async def now(self, order: Order | Subscription) -> Subscription:
        """The subscription as it is stored."""
        order_id = order.order_id if isinstance(order, Subscription) else order.id
        found = await self.database.read(lambda tx: subscription_rows.find_by_order(tx, order_id))
        assert found is not None
        return found

    async def periods(self, one: Subscription) -> list[Period]:
        async def work(tx: Transaction) -> list[Period]:
            return (await subscription_rows.load_periods(tx, [one.id])).get(one.id, [])

        return await self.database.read(work)

    async def pass_time(self, one: Subscription) -> None:
        """What the worker does once time is over."""
        await self.buyer.account.engine.submit(PassTime((one.id,), one.tenant))

    async def credits(self) -> int:
        """What the wallet holds beyond its test credit, in credits."""
        return await self.buyer.bought_cents() * 10


def renewal(
    order: Order, number: int, *, started_at: int, amount: int = 1000, **changes: Any
) -> SandboxEvent:
    """The bill of the period of 30 days that begins so many of them after started_at."""
    start = started_at + number * 30 * DAY_US
    sandbox_event = SandboxEvent(
        outcome="renewed",
        kind="subscription",
        order_id=order.id,
        ref=order.provider_ref or "",
        payment_id=f"in_{number}",
        price=Price(amount, "USD"),
        event_id=f"evt_{number}",
        subscription_ref="sub_1",
        customer_ref="cus_1",
        product_ref="sandbox/pro/month",
        period_start_at=start,
        period_end_at=start + 30 * DAY_US,
    )
    return replace(sandbox_event, **changes)


@contextlib.asynccontextmanager
async def open_subscriber(
    database: Database, clock: FixedClock, folder: Path
) -> AsyncIterator[Subscriber]:
    async with open_toypay_buyer(database, clock, folder) as buyer:
        subscriber = Subscriber(buyer)
        await subscriber.plan("pro", **PRO)
        await subscriber.plan("team", **TEAM)
        yield subscriber
