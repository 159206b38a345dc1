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
from kernel.clock import FixedClock
from store.database import Database, Transaction
from tests.billing import toypay
from tests.billing.cashing import PUBLIC_URL, Shop, open_shop
from tests.support.plain_http import http_client

DAY_S = 86_400


@pytest_asyncio.fixture
async def shop(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, clock, tmp_path) as opened:
        yield opened


async def all_events(shop: Shop) -> list[tuple[str, str]]:
    """(event id, outcome) of the whole log."""

    async def work(tx: Transaction) -> list[tuple[str, str]]:
        rows = await tx.fetch("SELECT event_id, outcome FROM provider_events ORDER BY event_id")
        return [(row["event_id"], row["outcome"]) for row in rows]

    return await shop.desk.database.read(work)


async def test_a_payment_is_credited_once_and_each_notification_has_its_row(shop: Shop) -> None:
    order = await shop.place()
    first = await shop.told("paid", order)
    again = await shop.told("paid", order)
    under_another_id = await shop.told("paid", order, event_id="evt_other")

    assert (first, again, under_another_id) == ("applied", "repeated", "repeated")
    assert (await shop.now(order)).status == "paid"
    assert await shop.bought_cents() == 2000
    assert await all_events(shop) == [
        ("evt_other", "repeated"),
        (f"evt_paid_{order.id}", "applied"),
    ]
    assert await shop.desk.events() == ["order.paid"]
    assert await shop.desk.findings() == []


async def test_a_payment_for_something_else_goes_to_review_and_credits_nothing(shop: Shop) -> None:
    order = await shop.place()
    paid = Paid(Subject(order.id), "pay_1", order.price, objection="product b was paid, not a")

    outcomes = [
        await shop.payments.word.act_on(
            [paid], NotificationRef("toypay", "staging", event_id, "paid")
        )
        for event_id in ("evt_1", "evt_1", "evt_2")
    ]

    assert outcomes == ["review", "repeated", "repeated"]
    held = await shop.now(order)
    assert (held.status, held.reason) == ("review", "product b was paid, not a")
    assert await shop.bought_cents() == 0
    assert await shop.desk.events() == []
    approved = await shop.payments.resolve(order.id, "approve", by="op")
    assert (approved.status, await shop.bought_cents()) == ("paid", 2000)
    assert await shop.desk.findings() == []


async def test_one_event_many_times_and_out_of_order_on_two_processes_is_one_credit(
    shop: Shop,
) -> None:
    order = await shop.place()
    kinds = ["paid"] * 8 + ["expired"] * 4 + ["failed"] * 4
    random.Random(20260613).shuffle(kinds)
    other = shop.another()
    heard = await asyncio.gather(
        *(
            (shop.payments, other)[number % 2].notified("toypay", toypay.event(kind, order))
            for number, kind in enumerate(kinds)
        )
    )
    # Late ones as well.
    for kind in ("expired", "failed", "paid"):
        await shop.told(kind, order)

    assert (await shop.now(order)).status == "paid"
    assert await shop.bought_cents() == 2000
    assert [one.outcome for one in heard if one.type == "paid"].count("applied") == 1
    assert (await shop.desk.events()).count("order.paid") == 1
    assert await shop.desk.findings() == []


async def test_a_replay_after_a_day_and_after_a_year_is_still_one_credit(shop: Shop) -> None:
    order = await shop.place()
    await shop.told("paid", order)
    for days in (1, 30, 365):
        shop.desk.clock.advance_s(days * DAY_S)
        assert await shop.told("paid", order) == "repeated"

    assert await shop.bought_cents() == 2000
    assert await shop.desk.findings() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": 1999}, "19.99 USD was paid, not 20.00 USD"),
        ({"amount": 2001}, "20.01 USD was paid, not 20.00 USD"),
        ({"currency": "EUR"}, "20.00 EUR was paid, not 20.00 USD"),
        ({"amount": 0}, "0.00 USD was paid, not 20.00 USD"),
        ({"amount": -2000}, "-20.00 USD was paid, not 20.00 USD"),
        ({"amount": 2**62}, "46116860184273879.04 USD was paid, not 20.00 USD"),
    ],
)
async def test_another_amount_or_currency_waits_in_review_and_credits_nothing(
    shop: Shop, changes: dict[str, Any], reason: str
) -> None:
    order = await shop.place()
    outcome = await shop.told("paid", order, **changes)
    reviewed = await shop.now(order)
    (entry,) = await shop.log(order)

    assert outcome == "review"
    assert (reviewed.status, reviewed.reason) == ("review", reason)
    assert (entry.outcome, entry.detail) == ("review", reason)
    assert await shop.bought_cents() == 0
    assert await shop.desk.findings() == []


async def test_an_operator_ends_a_review_either_way_once(shop: Shop) -> None:
    approved = await shop.place()
    rejected = await shop.place()
    for order in (approved, rejected):
        await shop.told("paid", order, amount=1)
    await shop.payments.resolve(approved.id, "approve", by="ana", amount=2000)
    await shop.payments.resolve(rejected.id, "reject", by="ana")

    assert (await shop.now(approved)).status == "paid"
    assert (await shop.now(rejected)).status == "failed"
    assert await shop.bought_cents() == 2000
    # Told again, the approved payment is the one that it was.
    assert await shop.told("paid", approved) == "repeated"
    assert await shop.desk.findings() == []


async def test_a_second_payment_is_kept_for_a_person_and_not_credited(shop: Shop) -> None:
    order = await shop.place()
    await shop.told("paid", order)
    outcome = await shop.told("paid", order, event_id="evt_second", payment_id="pay_second")

    assert outcome == "review"
    assert (await shop.now(order)).status == "paid"
    assert await shop.bought_cents() == 2000


async def test_a_provider_does_not_speak_for_another_ones_order(shop: Shop) -> None:
    order = await shop.place(provider="stripe")
    outcome = await shop.told("paid", order)
    (entry,) = await shop.log(order)

    assert outcome == "refused"
    assert (await shop.now(order)).status == "pending"
    assert entry.detail == (
        f"toypay in staging speaks of {order.id}, an order at stripe in staging"
    )
    assert await shop.bought_cents() == 0


async def test_a_secret_of_staging_does_not_speak_for_a_live_order(shop: Shop) -> None:
    live = (shop.desk.account_id, "live")
    order = await shop.payments.place(live, NewOrder(provider="toypay", amount_cents=2000))
    outcome = await shop.told("paid", order)
    by_live = await shop.told("paid", order, secret=toypay.SECRETS["live"])

    assert (outcome, by_live) == ("refused", "applied")
    assert (await shop.now(order)).status == "paid"
    assert await shop.desk.findings() == []


@pytest.mark.one_database
@pytest.mark.parametrize("kind", ["open", "something.else"])
async def test_what_is_not_paid_credits_nothing(shop: Shop, kind: str) -> None:
    order = await shop.place()
    outcome = await shop.told(kind, order)

    assert outcome == "ignored"
    assert (await shop.now(order)).status == "pending"
    assert await shop.bought_cents() == 0
    assert [outcome for _, outcome in await all_events(shop)] == ["ignored"]


async def test_a_claim_of_payment_is_confirmed_by_asking_before_it_counts(shop: Shop) -> None:
    order = await shop.place()
    early = await shop.told("claimed", order)
    before = await shop.bought_cents()
    shop.server.pay(order)
    outcome = await shop.told("claimed", order)

    assert (early, before) == ("ignored", 0)
    assert outcome == "applied"
    assert await shop.bought_cents() == 2000
    assert shop.server.asked[1:] == ["ask co_1", "ask co_1"]


async def test_a_claim_that_cannot_be_confirmed_now_is_to_be_told_again(shop: Shop) -> None:
    order = await shop.place()
    shop.server.pay(order)
    shop.server.is_away = True
    with pytest.raises(ProviderUnavailable):
        await shop.told("claimed", order)
    (entry,) = await shop.log(order)
    shop.server.is_away = False

    assert entry.outcome == "ignored"
    assert entry.detail.startswith("not confirmed yet: ")
    assert await shop.bought_cents() == 0
    assert await shop.told("claimed", order) == "applied"
    assert await shop.bought_cents() == 2000


async def test_a_payment_of_no_order_of_ours_is_noted_and_changes_nothing(shop: Shop) -> None:
    order = await shop.place()
    stranger = await shop.told("paid", order, order_id="ord_0000000000000000", id="co_9")

    assert stranger == "unknown"
    assert await shop.bought_cents() == 0
    assert [outcome for _, outcome in await all_events(shop)] == ["unknown"]


async def test_an_order_is_found_by_what_the_provider_calls_its_checkout(shop: Shop) -> None:
    order = await shop.place()

    assert await shop.told("paid", order, order_id="") == "applied"
    assert await shop.bought_cents() == 2000


async def test_a_refund_and_a_dispute_take_credit_back(shop: Shop) -> None:
    order = await shop.place()
    await shop.told("paid", order)
    half = await shop.told("refunded", order, amount=1000)
    after_half = (await shop.now(order)).status, await shop.bought_cents()
    await shop.told("disputed", order, amount=1000)

    assert half == "applied"
    assert after_half == ("partially_refunded", 1000)
    assert (await shop.now(order)).status == "disputed"
    assert await shop.bought_cents() == 0
    assert await shop.desk.findings() == []


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
async def test_a_forged_notification_is_refused_and_leaves_no_row(shop: Shop, how: str) -> None:
    order = await shop.place()
    with pytest.raises(NotificationRefused) as refused:
        await shop.payments.notified("toypay", forged(order)[how])

    assert refused.value.reason == "signature"
    assert await all_events(shop) == []
    assert (await shop.now(order)).status == "pending"


async def test_without_any_secret_nothing_is_believed(shop: Shop) -> None:
    order = await shop.place()
    async with http_client() as client:
        bare = Providers(
            discover(shop.folder), {}, stand_in_secrets={}, client=client, clock=shop.desk.clock
        )
        payments = Payments(shop.desk.database, shop.desk.clock, shop.desk.engine, bare, PUBLIC_URL)
        for said in (*forged(order).values(), toypay.event("paid", order)):
            with pytest.raises(NoWebhookSecret):
                await payments.notified("toypay", said)

    assert (await shop.now(order)).status == "pending"


async def test_what_is_signed_and_makes_no_sense_is_told_apart_from_a_forgery(shop: Shop) -> None:
    order = await shop.place()
    with pytest.raises(NotificationRefused) as refused:
        await shop.told("paid", order, amount="twenty")

    assert refused.value.reason == "form"
