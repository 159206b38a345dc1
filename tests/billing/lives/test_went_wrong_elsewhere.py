"""What went wrong at other gateways, from end to end: payments that race, differ or are told in other words."""

import asyncio
import copy
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from billing.payments.review import new_resolution
from kernel.clock import SECOND_US, FixedClock
from kernel.tenant import Tenant
from store.database import Transaction
from tests.support.gateway import running
from tests.support.promotional_credit import GivePromotion
from tests.support.stripe_api import refunds
from tests.support.stripe_api.account import Json
from tests.support.stripe_life import WEBHOOK, Life, Lives, Outcome, open_lives
from worker.money.provider_calls import Reconciler


@pytest_asyncio.fixture
async def lives(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Lives]:
    async with open_lives(database_url, tmp_path, clock) as opened:
        yield opened


def twin_of(life: Life, session: Json) -> str:
    """Another page of the same order, which Stripe has no reason to refuse."""
    account = life.stripe.account
    asked = account.unseen[session["id"]]
    fields = {
        key: copy.deepcopy(one) for key, one in session.items() if key not in {"id", "object"}
    }
    made = account.make("checkout.session", **fields)
    account.unseen[made["id"]] = asked
    return str(made["id"])


async def problems(life: Life) -> list[str]:
    """What waits for the operator about the account's orders."""

    async def work(tx: Transaction) -> list[str]:
        rows = await tx.fetch(
            "SELECT detail FROM provider_events WHERE account_id = :id AND outcome = 'review'",
            id=life.account_id,
        )
        return [row["detail"] for row in rows]

    return await life.gateway.context.database.read(work)


async def test_two_payments_that_race_for_one_order_credit_it_once(lives: Lives) -> None:
    life = await lives.begin()
    order = await life.order(5000)
    first = life.session
    second = twin_of(life, first)
    assert lives.stripe.pay(first["id"])
    assert lives.stripe.pay(second)
    news = lives.stripe.news()
    # A second gateway on the same database hears of one of them.
    settings = lives.gateway.context.settings
    async with running(settings, lives.clock) as other:
        urls = (lives.gateway.url, other.url)
        told = [event for event in news if event["type"] == "checkout.session.completed"]
        await asyncio.gather(
            *(
                lives.stripe.deliver(lives.gateway.client, url + WEBHOOK, [event])
                for url, event in zip(urls, told, strict=True)
            )
        )
    await lives.stripe.deliver(lives.gateway.client, lives.gateway.url + WEBHOOK, news)

    # Both were charged, one was credited, and the other waits for the operator.
    assert await life.outcome() == Outcome(10_000, 50_000_000)
    assert len(await problems(life)) == 1
    paid = await life.gateway.call("GET", f"/orders/{order['id']}", key=life.key)
    charges = {one["payment_intent"]: one for one in lives.stripe.account.every("charge")}
    credited = await payment_of(life, order["id"])
    (extra,) = [one for intent, one in charges.items() if intent != credited]
    assert paid.json()["data"]["status"] == "paid"

    # The operator gives the second one back, and the credit of the first stays.
    await life.refund(5000, extra)
    assert await life.outcome() == Outcome(5000, 50_000_000)
    await life.refund(5000, charges[credited])
    assert await life.outcome() == Outcome(0, 0)


@pytest.mark.parametrize(
    ("is_won", "end", "moved"), [(False, "order.dispute_lost", 0), (True, "order.restored", 2000)]
)
async def test_a_dispute_is_told_when_it_opens_and_when_it_ends(
    lives: Lives, is_won: bool, end: str, moved: int
) -> None:
    life = await lives.begin()
    order = await life.buy(2000)
    made = refunds.dispute(lives.stripe.account, life.charge["id"])
    await life.hear()
    refunds.close_dispute(lives.stripe.account, made["id"], is_won=is_won)
    await life.hear()
    again = (lives.gateway.client, lives.gateway.url + WEBHOOK, life.told)
    await lives.stripe.deliver(*again)

    answer = await life.gateway.call("GET", "/events?limit=100", key=life.key)
    events = answer.json()["data"]["items"]
    told = [one for one in reversed(events) if one["data"].get("id") == order["id"]]
    assert [one["type"] for one in told] == ["order.paid", "order.disputed", end]
    opened, ended = (one["data"] for one in told[1:])
    assert (opened["status"], opened["refunded_cents"]) == ("disputed", 2000)
    assert ended["status"] == ("paid" if is_won else "refunded")
    assert ended["restored_cents" if is_won else "refunded_cents"] == moved
    assert await lives.findings() == []


async def payment_of(life: Life, order_id: str) -> str:
    async def work(tx: Transaction) -> str:
        row = await tx.fetch_one("SELECT payment_id FROM orders WHERE id = :id", id=order_id)
        assert row is not None
        return str(row["payment_id"])

    return await life.gateway.context.database.read(work)


@pytest.mark.one_database
async def test_a_payment_of_55_for_50_waits_for_a_person(lives: Lives) -> None:
    life = await lives.begin()
    order = await life.order(5000)
    life.session["amount_total"] = 5500
    await life.pay()

    shown = (await life.gateway.call("GET", f"/orders/{order['id']}", key=life.key)).json()["data"]
    assert await life.outcome() == Outcome(5500, 0)
    assert shown["status"] == "review"

    # The operator credits what the order was for.
    payments = life.gateway.context.payments
    tenant = Tenant(life.account_id, "staging")
    await payments.approve(
        new_resolution(order["id"], tenant, "approve", by="ana", note="called", amount=5000)
    )
    assert await life.outcome() == Outcome(5500, 50_000_000)
    assert await lives.findings() == []


@pytest.mark.one_database
@pytest.mark.parametrize("word", ["PAID", "succeeded", "complete", "", "paid_out_of_band"])
async def test_success_in_another_word_credits_nothing_until_stripe_says_paid(
    lives: Lives, word: str
) -> None:
    life = await lives.begin()
    order = await life.order(2000)
    assert lives.stripe.pay(life.session["id"])
    news = lives.stripe.news()
    for event in news:
        if event["type"] == "checkout.session.completed":
            event["data"]["object"]["payment_status"] = word
    await lives.stripe.deliver(lives.gateway.client, lives.gateway.url + WEBHOOK, news)
    assert (await life.outcome()).micros == 0

    # Nobody has to do anything: the sweep asks Stripe, which says it in its own word.
    lives.clock.advance_s(60)
    context = lives.gateway.context
    await Reconciler(context.database, context.clock, context.payments).step()
    assert await life.outcome() == Outcome(2000, 20_000_000)
    shown = (await life.gateway.call("GET", f"/orders/{order['id']}", key=life.key)).json()["data"]
    assert shown["status"] == "paid"


@pytest.mark.one_database
async def test_a_refund_after_a_dispute_that_was_won_takes_the_credit_once(lives: Lives) -> None:
    life = await lives.begin()
    await life.buy(2000)
    account = lives.stripe.account
    made = refunds.dispute(account, life.charge["id"])
    await life.hear()
    assert await life.outcome() == Outcome(0, 0)
    refunds.close_dispute(account, made["id"], is_won=True)
    life.charge["disputed"] = False  # Stripe lets what was won be refunded
    await life.refund(2000)

    assert await life.outcome() == Outcome(0, 0)
    assert await lives.findings() == []


@pytest.mark.one_database
async def test_credit_that_ends_cannot_be_used_from_its_second_on(lives: Lives) -> None:
    account_id = await lives.gateway.account()
    key = await lives.gateway.key(account_id, "live")
    ends_at = lives.clock.now_us() + 60 * SECOND_US
    given = GivePromotion(Tenant(account_id, "live"), 3_000_000, ends_at)
    await lives.gateway.context.engine.submit(given)

    async def use() -> int:
        body = {"credits": 1, "description": "AI chat completion"}
        answer = await lives.gateway.call("POST", "/usage", key=key, json=body)
        return int(answer.json()["code"])

    lives.clock.advance_s(59.999_999)
    before = await use()
    lives.clock.advance_s(0.000_001)
    # No sweep has run.
    assert (before, await use()) == (1000, 2002)
    assert await lives.findings() == []
