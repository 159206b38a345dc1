"""What providers say: believed under a secret of theirs only, acted on once, logged each time."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from billing.orders.order import Order
from billing.orders.place import NewOrder
from billing.orders.records import paid_uncredited
from billing.orders.views import OrderLinks
from billing.payments.payments import NoWebhookSecret, Payments
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import (
    NotificationRefused,
    Paid,
    ProviderUnavailable,
    Received,
    Subject,
)
from billing.providers.registry import Providers, discover
from billing.topups.rules import LinkTokens
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support import toypay
from tests.support.plain_http import http_client
from tests.support.toypay_buyer import PUBLIC_URL, ToypayBuyer, open_toypay_buyer

DAY_S = 86_400


@pytest_asyncio.fixture
async def buyer(
    database: Database, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[ToypayBuyer]:
    async with open_toypay_buyer(database, clock, tmp_path) as opened:
        yield opened


async def all_events(buyer: ToypayBuyer) -> list[tuple[str, str]]:
    """(event id, outcome) of the whole log."""

    async def work(tx: Transaction) -> list[tuple[str, str]]:
        rows = await tx.fetch("SELECT event_id, outcome FROM provider_events ORDER BY event_id")
        return [(row["event_id"], row["outcome"]) for row in rows]

    return await buyer.account.database.read(work)


async def test_a_payment_is_credited_once_and_each_notification_has_its_row(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    first = await buyer.notify("paid", order)
    again = await buyer.notify("paid", order)
    under_another_id = await buyer.notify("paid", order, event_id="evt_other")

    assert (first, again, under_another_id) == ("applied", "repeated", "repeated")
    assert (await buyer.now(order)).status == "paid"
    assert await buyer.bought_cents() == 2000
    assert await all_events(buyer) == [
        ("evt_other", "repeated"),
        (f"evt_paid_{order.id}", "applied"),
    ]
    assert await buyer.account.events() == ["order.paid"]
    assert await buyer.account.findings() == []


async def test_a_payment_for_something_else_goes_to_review_and_credits_nothing(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    paid = Paid(Subject(order.id), "pay_1", order.price, objection="product b was paid, not a")

    outcomes = [
        await buyer.payments.notifications.act_on(
            [paid], NotificationRef("toypay", "staging", event_id, "paid")
        )
        for event_id in ("evt_1", "evt_1", "evt_2")
    ]

    assert outcomes == ["review", "repeated", "repeated"]
    held = await buyer.now(order)
    assert (held.status, held.reason) == ("review", "product b was paid, not a")
    assert await buyer.bought_cents() == 0
    assert await buyer.account.events() == []
    approved = await buyer.approve(order)
    assert (approved.status, await buyer.bought_cents()) == ("paid", 2000)
    assert await buyer.account.findings() == []


async def test_one_event_many_times_and_out_of_order_on_two_processes_is_one_credit(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    kinds = ["paid"] * 8 + ["expired"] * 4 + ["failed"] * 4
    random.Random(20260613).shuffle(kinds)
    other = buyer.another()
    heard = await asyncio.gather(
        *(
            (buyer.payments, other)[number % 2].notified("toypay", toypay.event(kind, order))
            for number, kind in enumerate(kinds)
        )
    )
    # Late ones as well.
    for kind in ("expired", "failed", "paid"):
        await buyer.notify(kind, order)

    assert (await buyer.now(order)).status == "paid"
    assert await buyer.bought_cents() == 2000
    assert [one.outcome for one in heard if one.type == "paid"].count("applied") == 1
    assert (await buyer.account.events()).count("order.paid") == 1
    assert await buyer.account.findings() == []


async def test_a_replay_after_a_day_and_after_a_year_is_still_one_credit(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    await buyer.notify("paid", order)
    for days in (1, 30, 365):
        buyer.account.clock.advance_s(days * DAY_S)
        assert await buyer.notify("paid", order) == "repeated"

    assert await buyer.bought_cents() == 2000
    assert await buyer.account.findings() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": 1999}, "19.99 USD was paid, not 20.00 USD"),
        ({"amount": 2001}, "20.01 USD was paid, not 20.00 USD"),
        ({"currency": "EUR"}, "20.00 EUR was paid, not 20.00 USD"),
        # Nobody guesses how many smallest units make a whole one.
        ({"currency": "XQQ"}, "2,000 smallest units of XQQ was paid, not 20.00 USD"),
        ({"currency": "CLF"}, "0.2000 CLF was paid, not 20.00 USD"),
        ({"amount": 0}, "0.00 USD was paid, not 20.00 USD"),
        ({"amount": -2000}, "-20.00 USD was paid, not 20.00 USD"),
        ({"amount": 2**62}, "46116860184273879.04 USD was paid, not 20.00 USD"),
    ],
)
async def test_another_amount_or_currency_waits_in_review_and_credits_nothing(
    buyer: ToypayBuyer, changes: dict[str, Any], reason: str
) -> None:
    order = await buyer.place()
    outcome = await buyer.notify("paid", order, **changes)
    reviewed = await buyer.now(order)
    (entry,) = await buyer.log(order)

    assert outcome == "review"
    assert (reviewed.status, reviewed.reason) == ("review", reason)
    assert (entry.outcome, entry.detail) == ("review", reason)
    assert await buyer.bought_cents() == 0
    assert await buyer.account.findings() == []


async def test_an_operator_ends_a_review_either_way_once(buyer: ToypayBuyer) -> None:
    approved = await buyer.place()
    rejected = await buyer.place()
    for order in (approved, rejected):
        await buyer.notify("paid", order, amount=1)
    await buyer.approve(approved, 2000)
    await buyer.reject(rejected)

    assert (await buyer.now(approved)).status == "paid"
    assert (await buyer.now(rejected)).status == "failed"
    assert await buyer.bought_cents() == 2000
    # Told again, the approved payment is the one that it was.
    assert await buyer.notify("paid", approved) == "repeated"
    assert await buyer.account.findings() == []


async def test_a_second_payment_is_kept_for_a_person_and_not_credited(buyer: ToypayBuyer) -> None:
    order = await buyer.place()
    await buyer.notify("paid", order)
    outcome = await buyer.notify("paid", order, event_id="evt_second", payment_id="pay_second")

    assert outcome == "review"
    assert (await buyer.now(order)).status == "paid"
    assert await buyer.bought_cents() == 2000


async def test_a_provider_does_not_speak_for_another_ones_order(buyer: ToypayBuyer) -> None:
    order = await buyer.place(provider="stripe")
    outcome = await buyer.notify("paid", order)
    (entry,) = await buyer.log(order)

    assert outcome == "refused"
    assert (await buyer.now(order)).status == "pending"
    assert entry.detail == (
        f"toypay in staging speaks of {order.id}, an order at stripe in staging"
    )
    assert await buyer.bought_cents() == 0


async def test_a_secret_of_staging_does_not_speak_for_a_live_order(buyer: ToypayBuyer) -> None:
    live = Tenant(buyer.account.account_id, "live")
    order = await buyer.payments.place(live, NewOrder(provider="toypay", amount_cents=2000))
    outcome = await buyer.notify("paid", order)
    by_live = await buyer.notify("paid", order, secret=toypay.SECRETS["live"])

    assert (outcome, by_live) == ("refused", "applied")
    # The page of neither environment's operators lists what they could not open or decide.
    database = buyer.account.database
    assert await database.read(lambda tx: paid_uncredited(tx, "staging", limit=9)) == []
    assert await database.read(lambda tx: paid_uncredited(tx, "live", limit=9)) == []
    assert (await buyer.now(order)).status == "paid"
    assert await buyer.account.findings() == []


@pytest.mark.one_database
@pytest.mark.parametrize("kind", ["open", "something.else"])
async def test_what_is_not_paid_credits_nothing(buyer: ToypayBuyer, kind: str) -> None:
    order = await buyer.place()
    outcome = await buyer.notify(kind, order)

    assert outcome == "ignored"
    assert (await buyer.now(order)).status == "pending"
    assert await buyer.bought_cents() == 0
    assert [outcome for _, outcome in await all_events(buyer)] == ["ignored"]


async def test_a_claim_of_payment_is_confirmed_by_asking_before_it_counts(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    early = await buyer.notify("claimed", order)
    before = await buyer.bought_cents()
    buyer.server.pay(order)
    outcome = await buyer.notify("claimed", order)

    assert (early, before) == ("ignored", 0)
    assert outcome == "applied"
    assert await buyer.bought_cents() == 2000
    assert buyer.server.asked[1:] == ["ask co_1", "ask co_1"]


async def test_a_claim_that_cannot_be_confirmed_now_is_to_be_told_again(buyer: ToypayBuyer) -> None:
    order = await buyer.place()
    buyer.server.pay(order)
    buyer.server.is_away = True
    with pytest.raises(ProviderUnavailable):
        await buyer.notify("claimed", order)
    (entry,) = await buyer.log(order)
    buyer.server.is_away = False

    assert entry.outcome == "ignored"
    assert entry.detail.startswith("not confirmed yet: ")
    assert await buyer.bought_cents() == 0
    assert await buyer.notify("claimed", order) == "applied"
    assert await buyer.bought_cents() == 2000


async def test_a_payment_of_no_order_of_ours_is_noted_and_changes_nothing(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    stranger = await buyer.notify("paid", order, order_id="ord_0000000000000000", id="co_9")

    assert stranger == "unknown"
    assert await buyer.bought_cents() == 0
    assert [outcome for _, outcome in await all_events(buyer)] == ["unknown"]


async def test_an_order_is_found_by_what_the_provider_calls_its_checkout(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()

    assert await buyer.notify("paid", order, order_id="") == "applied"
    assert await buyer.bought_cents() == 2000


async def test_a_refund_and_a_dispute_take_credit_back(buyer: ToypayBuyer) -> None:
    order = await buyer.place()
    await buyer.notify("paid", order)
    half = await buyer.notify("refunded", order, amount=1000)
    after_half = (await buyer.now(order)).status, await buyer.bought_cents()
    await buyer.notify("disputed", order, amount=1000)

    assert half == "applied"
    assert after_half == ("partially_refunded", 1000)
    assert (await buyer.now(order)).status == "disputed"
    assert await buyer.bought_cents() == 0
    assert await buyer.account.findings() == []


def forged(order: Order) -> dict[str, Received]:
    """Notifications that nobody with the secret has sent."""
    genuine = toypay.event("paid", order)
    return {
        "unsigned": Received("POST", {}, b"", genuine.body),
        "empty secret": toypay.event("paid", order, secret=""),
        "unknown secret": toypay.event("paid", order, secret="guess"),
        "changed": Received("POST", genuine.headers, b"", genuine.body + b" "),
    }


@pytest.mark.one_database
@pytest.mark.parametrize("how", ["unsigned", "empty secret", "unknown secret", "changed"])
async def test_a_forged_notification_is_refused_and_leaves_no_row(
    buyer: ToypayBuyer, how: str
) -> None:
    order = await buyer.place()
    with pytest.raises(NotificationRefused) as refused:
        await buyer.payments.notified("toypay", forged(order)[how])

    assert refused.value.reason == "signature"
    assert await all_events(buyer) == []
    assert (await buyer.now(order)).status == "pending"


async def test_without_any_secret_nothing_is_believed(buyer: ToypayBuyer) -> None:
    order = await buyer.place()
    async with http_client() as client:
        bare = Providers(
            discover(buyer.folder),
            {},
            simulated_secrets={},
            client=client,
            clock=buyer.account.clock,
        )
        payments = Payments(
            buyer.account.database,
            buyer.account.clock,
            buyer.account.engine,
            bare,
            OrderLinks(LinkTokens(bytes(32)), PUBLIC_URL),
        )
        for said in (*forged(order).values(), toypay.event("paid", order)):
            with pytest.raises(NoWebhookSecret):
                await payments.notified("toypay", said)

    assert (await buyer.now(order)).status == "pending"


async def test_what_is_signed_and_makes_no_sense_is_told_apart_from_a_forgery(
    buyer: ToypayBuyer,
) -> None:
    order = await buyer.place()
    with pytest.raises(NotificationRefused) as refused:
        await buyer.notify("paid", order, amount="twenty")

    assert refused.value.reason == "form"
