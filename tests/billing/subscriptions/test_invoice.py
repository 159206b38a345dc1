"""What each kind of paid invoice grants: the table of gateway/docs/text/plans.md, row by row.

The plan pro costs $10.00 for 10,000 credits, team $30.00 for 40,000. Each invoice is Stripe's own
event of today's shape, signed, through the webhook's reader to the ledger.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from billing.ledger.price import Price
from billing.orders.order import Order
from billing.payments.review import open_review
from billing.providers.event_log import NotificationOutcome
from billing.providers.protocol import Received, SandboxEvent
from kernel.clock import DAY_US, SECOND_US, FixedClock
from keys.signatures.signing import stripe_signature
from store.database import Database, Transaction
from tests.support.subscriber import Subscriber, open_subscriber

PRO, TEAM = "sandbox/pro/month", "sandbox/team/month"
MONTH_S = 30 * DAY_US // SECOND_US


@pytest_asyncio.fixture
async def subscriber(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Subscriber]:
    async with open_subscriber(database, clock, tmp_path) as opened:
        yield opened


@dataclass
class Invoice:
    """An invoice of the subscription sub_1; lines are (price, amount, quantity, is prorated)."""

    lines: list[tuple[str, int, int, bool]]
    paid: int
    month: int = 1
    reason: str = "subscription_cycle"
    currency: str = "usd"
    more: dict[str, Any] = field(default_factory=dict)


def plan(amount: int, price: str = PRO, quantity: int = 1) -> tuple[str, int, int, bool]:
    return (price, amount, quantity, False)


def part(amount: int, price: str) -> tuple[str, int, int, bool]:
    return (price, amount, 1, True)


def event(order: Order, clock: FixedClock, invoice: Invoice, *, number: int = 1) -> Received:
    """Stripe's invoice.paid, under the stand-in's secret."""
    now_s = clock.now_us() // SECOND_US
    start = now_s + invoice.month * MONTH_S + (7 if invoice.reason == "subscription_update" else 0)
    lines = [
        {
            "amount": amount,
            "quantity": quantity,
            "currency": invoice.currency,
            "period": {"start": start, "end": now_s + (invoice.month + 1) * MONTH_S},
            "parent": {"subscription_item_details": {"proration": is_prorated}},
            "pricing": {"price_details": {"price": price}},
        }
        for price, amount, quantity, is_prorated in invoice.lines
    ]
    details = {"subscription": "sub_1", "metadata": {"order_id": order.id}}
    made = {
        "id": f"in_{number}",
        "object": "invoice",
        "status": "paid",
        "billing_reason": invoice.reason,
        "amount_paid": invoice.paid,
        "currency": invoice.currency,
        "customer": "cus_1",
        "parent": {"subscription_details": details},
        "lines": {"data": lines},
        **invoice.more,
    }
    body = msgspec.json.encode(
        {
            "id": f"evt_in_{number}",
            "type": "invoice.paid",
            "created": now_s,
            "data": {"object": made},
        }
    )
    signature = stripe_signature("whsec_" + "5a" * 32, now_s, body)
    return Received("POST", {b"stripe-signature": f"t={now_s},v1={signature}".encode()}, b"", body)


async def tell(
    subscriber: Subscriber, order: Order, invoice: Invoice, *, number: int = 1
) -> NotificationOutcome:
    received = event(order, subscriber.clock, invoice, number=number)
    return (await subscriber.buyer.payments.notified("stripe", received)).outcome


KINDS: dict[str, tuple[Invoice, NotificationOutcome, int]] = {
    "plain": (Invoice([plan(1000)], paid=1000), "applied", 10_000),
    "tax of 20 % on top": (Invoice([plan(1000)], paid=1200), "applied", 10_000),
    "tax of 20 % within": (Invoice([plan(1000)], paid=1000), "applied", 10_000),
    "discount of 20 %": (Invoice([plan(1000)], paid=800), "applied", 10_000),
    "discount of 100 %": (Invoice([plan(1000)], paid=0), "applied", 10_000),
    "customer balance, a part": (Invoice([plan(1000)], paid=499), "applied", 10_000),
    "customer balance, the whole": (Invoice([plan(1000)], paid=0), "applied", 10_000),
    "quantity 3": (Invoice([plan(3000, quantity=3)], paid=3000), "applied", 30_000),
    "an added item": (
        Invoice([("price_seat", 500, 1, False), plan(1000)], paid=1500),
        "applied",
        10_000,
    ),
    "trial": (Invoice([plan(0)], paid=0, reason="subscription_create"), "applied", 0),
    # 40,000 x (20.00 - 6.66) / 30.00 = 17,786.66…, in whole cents of credit 17,780.
    "upgrade within the month": (
        Invoice([part(-666, PRO), part(2000, TEAM)], paid=1334, reason="subscription_update"),
        "applied",
        17_780,
    ),
    "downgrade with credit": (
        Invoice([part(-2000, TEAM), part(666, PRO)], paid=0, reason="subscription_update"),
        "applied",
        0,
    ),
    # The whole month, and 40,000 x 13.34 / 30.00 for what is left of the one before.
    "renewal and upgrade": (
        Invoice([part(-666, PRO), part(2000, TEAM), plan(3000, TEAM)], paid=4334),
        "applied",
        57_780,
    ),
    "renewal and downgrade": (
        Invoice([part(-2000, TEAM), part(666, PRO), plan(1000)], paid=0),
        "applied",
        10_000,
    ),
    "another currency": (Invoice([plan(1000)], paid=1000, currency="eur"), "review", 0),
    "another plan's price": (Invoice([plan(3000, TEAM)], paid=3000), "applied", 40_000),
    "another plan's price for this sum": (Invoice([plan(1000, TEAM)], paid=1000), "review", 0),
    "a price of no plan": (Invoice([plan(1000, "price_x")], paid=1000), "review", 0),
    "another amount": (Invoice([plan(999)], paid=999), "review", 0),
}


@pytest.mark.one_database
@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_of_invoice_grants_what_the_table_says(
    subscriber: Subscriber, clock: FixedClock, kind: str
) -> None:
    invoice, outcome, credits_ = KINDS[kind]
    order = await subscriber.join()
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())

    outcomes = [await tell(subscriber, order, invoice) for _ in range(2)]

    assert outcomes[0] == outcome
    assert await subscriber.credits() == credits_
    assert (await subscriber.buyer.now(order)).status == "paid"
    assert await subscriber.buyer.account.findings() == []


async def test_a_trials_checkout_is_fine_and_its_first_payment_grants(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join()
    sandbox_event = (await subscriber.pay(order)).sandbox_event()
    provider = subscriber.buyer.payments.providers.of("stripe", "staging")
    assert provider is not None
    body = msgspec.json.decode(provider.simulate(sandbox_event).body)
    body["data"]["object"] |= {"amount_total": 0, "payment_status": "no_payment_required"}
    encoded = msgspec.json.encode(body)
    now_s = subscriber.clock.now_us() // SECOND_US
    signature = stripe_signature("whsec_" + "5a" * 32, now_s, encoded)
    headers = {b"stripe-signature": f"t={now_s},v1={signature}".encode()}
    heard = await subscriber.buyer.payments.notified(
        "stripe", Received("POST", headers, b"", encoded)
    )

    first = await tell(subscriber, order, Invoice([plan(0)], 0, reason="subscription_create"))
    in_trial = await subscriber.now(order)
    second = await tell(subscriber, order, Invoice([plan(1000)], 1000, month=2), number=2)

    assert (heard.outcome, first, second) == ("applied", "applied", "applied")
    assert (in_trial.status, in_trial.is_in_trial) == ("active", True)
    assert (await subscriber.now(order)).is_in_trial is False
    assert (await subscriber.buyer.now(order)).status == "paid"
    assert await subscriber.credits() == 10_000


async def test_going_up_and_down_gives_credit_once(subscriber: Subscriber) -> None:
    order = await subscriber.join()
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())
    await tell(subscriber, order, Invoice([plan(1000)], 1000, month=0))
    up = [part(-1000, PRO), part(3000, TEAM)]
    down = [part(-3000, TEAM), part(1000, PRO)]

    # Up is paid with $20.00 once; afterwards with what going down gave back.
    for number, lines in enumerate([up, down, up, down, up], start=2):
        change = Invoice(lines, 2000 if number == 2 else 0, number, "subscription_update")
        assert await tell(subscriber, order, change, number=number) == "applied"

    # 10,000 for the month, and 40,000 x 20.00 / 30.00, in whole cents of credit.
    assert await subscriber.credits() == 36_660
    assert await subscriber.buyer.account.findings() == []


async def test_a_renewal_that_is_paid_with_what_a_downgrade_gave_back_is_whole(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join("team")
    await subscriber.tell((await subscriber.pay(order)).sandbox_event())
    await tell(subscriber, order, Invoice([plan(3000, TEAM)], 3000, month=0))
    down = Invoice([part(-3000, TEAM), part(1000, PRO)], 0, 1, "subscription_update")
    await tell(subscriber, order, down, number=2)

    await tell(subscriber, order, Invoice([plan(1000)], 0, month=2), number=3)

    assert await subscriber.credits() == 50_000
    one = await subscriber.now(order)
    assert (one.plan_id, one.status) == ("pro", "active")


# What a person decides


async def test_an_invoice_that_is_held_is_approved_in_part_or_whole(subscriber: Subscriber) -> None:
    one = await subscriber.begin()
    order = next(o for o in await subscriber.buyer.orders() if o.id == one.order_id)
    await tell(subscriber, order, Invoice([plan(999)], paid=999))

    waiting = await subscriber.buyer.account.database.read(lambda tx: open_review(tx, order))
    await subscriber.buyer.approve(order, 500)

    assert (waiting.price.amount, waiting.came and waiting.came.amount) == (1000, 999)
    assert await subscriber.credits() == 10_000 + 5_000
    assert await tell(subscriber, order, Invoice([plan(999)], paid=999)) == "repeated"
    assert await subscriber.buyer.account.findings() == []


async def test_an_approved_plan_is_credited_and_its_renewals_need_nobody(
    subscriber: Subscriber,
) -> None:
    """Its price at the provider is $9.99, which was found after it was paid."""
    order = await subscriber.join()
    sandbox_event = (await subscriber.pay(order)).sandbox_event()

    async def at_the_provider(tx: Transaction) -> None:
        await tx.execute("UPDATE sandbox_subscriptions SET amount = 999")

    await subscriber.buyer.account.database.transaction(at_the_provider)
    assert await subscriber.tell(at(sandbox_event, 999)) == "review"

    approved = await subscriber.buyer.approve(order, 1000)

    assert approved.status == "paid"
    assert await subscriber.credits() == 10_000
    assert (await subscriber.now(order)).status == "active"
    # The invoice of the approved payment comes late: it is known.
    first = Invoice([plan(999)], 999, month=0, more={"id": sandbox_event.payment_id})
    assert await tell(subscriber, order, first) == "repeated"
    assert await tell(subscriber, order, Invoice([plan(999)], 999), number=2) == "applied"
    assert await subscriber.credits() == 20_000
    assert await subscriber.buyer.account.findings() == []


async def test_an_invoice_that_came_before_the_approval_is_the_one_that_is_credited(
    subscriber: Subscriber,
) -> None:
    order = await subscriber.join()
    sandbox_event = at((await subscriber.pay(order)).sandbox_event(), 999)
    await subscriber.tell(sandbox_event)
    await tell(subscriber, order, Invoice([plan(999)], 999, month=0))

    approved = await subscriber.buyer.approve(order, 999)

    assert approved.status == "paid"
    assert await subscriber.credits() == 9_990
    assert await tell(subscriber, order, Invoice([plan(999)], 999), number=2) == "applied"
    assert await subscriber.credits() == 19_980


async def test_a_rejected_plan_credits_nothing_and_leaves_a_trace(subscriber: Subscriber) -> None:
    order = await subscriber.join()
    await subscriber.tell(at((await subscriber.pay(order)).sandbox_event(), 999))
    await tell(subscriber, order, Invoice([plan(999)], 999, month=0))

    rejected = await subscriber.buyer.reject(order, "refunded")

    assert rejected.status == "failed"
    assert "rejected by ana (refunded)" in (rejected.reason or "")
    assert await subscriber.credits() == 0
    assert await tell(subscriber, order, Invoice([plan(999)], 999, month=0)) == "review"


# Two checkouts


async def test_a_second_checkout_of_a_plan_ends_the_first(subscriber: Subscriber) -> None:
    first = await subscriber.join()

    second = await subscriber.join("team")

    ended = await subscriber.buyer.now(first)
    assert (ended.status, ended.reason) == ("expired", "another checkout of a plan was begun")
    # The page of the first one is closed: what is pressed there changes nothing.
    assert (await subscriber.pay(first)).outcome == "expired"
    assert (await subscriber.buyer.now(second)).status == "pending"


async def test_a_second_paid_plan_of_an_account_waits_for_a_person(subscriber: Subscriber) -> None:
    late = await subscriber.join()
    order = await subscriber.join("team")
    sandbox_event = (await subscriber.pay(order)).sandbox_event()
    await subscriber.tell(sandbox_event)
    await subscriber.bill(order)

    # The one that was closed was being paid in that moment.
    late_payment = replace(
        at(sandbox_event, 1000),
        order_id=late.id,
        ref=late.provider_ref or "",
        payment_id="pay_late",
        subscription_ref="sub_late",
        event_id="evt_late",
    )
    outcome = await subscriber.tell(late_payment)
    invoice = Invoice([plan(1000)], 1000, month=0)
    held = await tell(subscriber, late, invoice, number=9)

    reviewed = await subscriber.buyer.now(late)
    assert (outcome, held, reviewed.status) == ("review", "review", "review")
    assert "the account has the plan Team already" in (reviewed.reason or "")
    assert await subscriber.credits() == 40_000


def at(sandbox_event: SandboxEvent, amount: int) -> SandboxEvent:
    """The sandbox event at another price."""
    return replace(sandbox_event, price=Price(amount, "USD"))
