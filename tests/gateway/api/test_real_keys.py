"""An operator gives Stripe its own keys in staging, where the sandbox stood in for it and sold plans."""

from pathlib import Path
from typing import Any

import pytest

from kernel.clock import FixedClock
from store.database import Transaction
from tests.support.billing_api_calls import PLAN, Caller, administrator, customer
from tests.support.gateway import running, settings_of
from tests.support.stripe_api import server
from tests.support.stripe_api.catalog import make_price
from tests.support.stripe_api.params import decoded

PRICE = "currency=usd&unit_amount=999&recurring[interval]=month&product_data[name]=x"


@pytest.mark.one_database
async def test_nobody_is_stranded_when_the_sandbox_gives_way_to_real_keys(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    """Ann's plan ends by itself with what was paid, Bob takes a new one at once, Eve had only ordered."""
    async with running(settings_of(database_url, tmp_path), clock) as gateway:
        boss = await administrator(gateway)
        await boss.call("POST", "/admin/billing/plans", status=201, json=PLAN)
        callers = [await customer(gateway, f"{name}@example.com") for name in ("ann", "bob", "eve")]
        for one in callers[:2]:
            await one.subscribe()
        await checkout(callers[2])

    async with (
        server.serving(clock) as stripe,
        running(settings_of(database_url, tmp_path, **stripe.settings()), clock) as gateway,
    ):
        price = make_price(stripe.account, decoded(PRICE))["id"]
        boss, ann, bob, eve = (Caller(gateway, one.account_id, one.key) for one in (boss, *callers))
        priced = {"stripe_price_id_monthly": price}
        await boss.call("PUT", f"/admin/billing/plans/{PLAN['id']}", json=priced)

        portal = await ann.ask(
            "POST", "/subscription/portal", json={"return_url": "https://a.example/"}
        )
        opened = [await checkout(one) for one in (bob, eve)]
        for page in opened:
            assert stripe.pay(page["session_id"])
        await stripe.deliver(gateway.client, "/payment/webhook/stripe")
        await ann.advance(32)

        assert "no longer billed" in portal.text
        assert [(await plan_of(one))["status"] for one in (ann, bob, eve)] == [
            "cancelled",
            "active",
            "active",
        ]
        assert [await types(one) for one in (ann, bob, eve)] == [
            ["started", "ended"],
            ["started", "ended", "started"],
            ["started"],
        ]
        # Nobody is asked for another card that would help nothing.
        assert await mails(ann) == 0
        # Beside 10,000,000 to try the sandbox with.
        balances = [await one.balance() - 10_000_000 for one in (ann, bob, eve)]
        assert balances == [10_000, 20_000, 10_000]


async def checkout(one: Caller) -> dict[str, Any]:
    body = {"channel": "stripe", "type": "subscription", "plan_id": PLAN["id"]}
    return dict(await one.call("POST", "/payment/create-session", json=body))


async def plan_of(one: Caller) -> dict[str, Any]:
    """The newest."""
    answer = await one.gateway.call("GET", "/subscriptions", key=one.key)
    return dict(answer.json()["data"]["items"][0])


async def types(one: Caller) -> list[str]:
    """What was told of its plans, the oldest first."""
    answer = await one.gateway.call("GET", "/events?limit=100", key=one.key)
    told = [event["type"] for event in reversed(answer.json()["data"]["items"])]
    return [name.partition(".")[2] for name in told if name.startswith("subscription.")]


async def mails(one: Caller) -> int:
    async def work(tx: Transaction) -> int:
        rows = await tx.fetch(
            "SELECT id FROM owner_mails WHERE account_id = :id", id=one.account_id
        )
        return len(rows)

    return await one.gateway.context.database.read(work)
