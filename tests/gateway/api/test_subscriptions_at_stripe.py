"""Plans at Stripe's stand-in: one customer of an account, steered by our API, nothing done twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from kernel.clock import FixedClock
from tests.support.billing_api_calls import administrator
from tests.support.dialect_calls import bearer
from tests.support.selling_gateway import Store, open_store
from tests.support.stripe_api import customers, server
from tests.support.stripe_api.catalog import make_price
from tests.support.stripe_api.params import decoded
from worker.money.provider_calls import Steerer

pytestmark = pytest.mark.one_database
WEBHOOK = "/payment/webhook/stripe"


@dataclass(slots=True)
class Club:
    """A gateway whose staging Stripe is the stand-in, and the plans pro (10.00) and team (30.00)."""

    store: Store
    stripe: server.StripeApi

    async def deliver(self) -> None:
        statuses = await self.stripe.deliver(self.store.gateway.client, WEBHOOK)
        assert set(statuses) <= {200}, statuses

    async def join(self, plan_id: str = "pro") -> dict[str, Any]:
        """The account's plan, paid."""
        assert self.stripe.pay(await self.begin(plan_id))
        await self.deliver()
        return dict((await self.ask("GET", "/subscriptions"))["items"][0])

    async def begin(self, plan_id: str) -> str:
        """Stripe's id of the checkout, not paid yet."""
        made = await self.checkout(plan_id)
        assert made.status_code in {200, 201}, made.text
        return str(made.json()["data"]["session_id"])

    async def checkout(self, plan_id: str) -> httpx.Response:
        body = {"channel": "stripe", "type": "subscription", "plan_id": plan_id}
        headers = bearer(self.store.key)
        return await self.store.gateway.client.post(
            "/payment/create-session", headers=headers, json=body
        )

    async def half_a_month(self, clock: FixedClock) -> None:
        """Fifteen days of the thirty until the 13th of July."""
        clock.advance_s(15 * 86_400)
        self.stripe.pass_time(15 * 86_400)

    async def ask(self, method: str, path: str, *, status: int = 200, **body: Any) -> Any:
        arguments = {"json": body} if method == "POST" else {}
        answer = await self.store.gateway.call(method, path, key=self.store.key, **arguments)
        assert answer.status_code == status, answer.text
        return answer.json()["data"]

    async def types(self) -> list[str]:
        """What was told of plans, the oldest first."""
        events = (await self.ask("GET", "/events?limit=100"))["items"]
        found = [one["type"] for one in reversed(events)]
        return [one.partition(".")[2] for one in found if one.startswith("subscription.")]


@contextlib.asynccontextmanager
async def open_club(url: str, folder: Path, clock: FixedClock) -> AsyncIterator[Club]:
    async with (
        server.serving(clock) as stripe,
        open_store(url, folder, clock, **stripe.settings()) as store,
    ):
        boss = await administrator(store.gateway)
        for plan_id, amount in (("pro", 1000), ("team", 3000)):
            form = (
                f"currency=usd&unit_amount={amount}&recurring[interval]=month&product_data[name]=x"
            )
            price = make_price(stripe.account, decoded(form))["id"]
            plan = {
                "id": plan_id,
                "name": plan_id.capitalize(),
                "price_monthly": amount,
                "credits_included": amount * 10,
                "stripe_price_id_monthly": price,
            }
            await boss.call("POST", "/admin/billing/plans", status=201, json=plan)
        yield Club(store, stripe)


async def test_a_plan_is_changed_ended_and_resumed_by_stripes_word(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_club(database_url, tmp_path, clock) as club:
        one = await club.join()
        path = f"/subscriptions/{one['id']}"
        await club.half_a_month(clock)

        cost = await club.ask("GET", f"{path}/change?plan_id=team")
        changed = await club.ask("POST", f"{path}/change", plan_id="team")
        await club.deliver()
        dearer = await club.ask("GET", path)
        less = await club.ask("GET", f"{path}/change?plan_id=pro")
        cheaper = await club.ask("POST", f"{path}/change", plan_id="pro")
        ending = await club.ask("POST", f"{path}/cancel", at="period_end")
        resumed = await club.ask("POST", f"{path}/resume")
        await club.deliver()
        later = await club.ask("GET", path)

        assert (one["status"], one["credits_granted"]) == ("active", 10_000)
        assert (cost["amount_due"], cost["is_estimate"]) == (1000, False)
        # Stripe's preview without a charge now is the next renewal, which is not due.
        assert (less["amount_due"], less["is_charged_now"], less["is_estimate"]) == (
            0,
            False,
            False,
        )
        # Named by the answer, and taken over with its paid invoice: 10.00 of 30.00 grant a third.
        assert (changed["plan_id"], changed["next_plan_id"]) == ("pro", "team")
        assert (dearer["plan_id"], dearer["credits_granted"]) == ("team", 20_000)
        assert (cheaper["plan_id"], cheaper["next_plan_id"]) == ("team", "pro")
        assert cheaper["next_charge"]["amount"] == 1000
        assert (ending["cancel_at_period_end"], ending["next_charge"]) == (True, None)
        assert resumed["cancel_at_period_end"] is False
        assert (later["next_plan_id"], later["pending"]) == ("pro", None)
        # An upgrade is told when it is chosen, and when its share is paid, with what that granted.
        expected = ["started", "changed", "changed", "changed", "canceling", "changed"]
        assert await club.types() == expected


async def test_a_lost_answer_is_kept_and_asked_about_and_nothing_is_done_twice(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_club(database_url, tmp_path, clock) as club:
        one = await club.join()
        path = f"/subscriptions/{one['id']}"
        context = club.store.gateway.context
        await club.half_a_month(clock)
        club.stripe.faults.add("lost", "/v1/subscriptions", times=6)

        unclear = await club.ask("POST", f"{path}/change", status=202, plan_id="team")
        other = await club.ask("POST", f"{path}/cancel", status=409)
        club.stripe.faults.clear()
        clock.advance_s(60)
        await Steerer(context.database, clock, context.payments.steering).step()
        await club.deliver()
        after = await club.ask("GET", path)

        assert (unclear["pending"]["action"], unclear["pending"]["is_outcome_unknown"]) == (
            "change",
            True,
        )
        assert other["error"]["reason"] == "under_way"
        assert (after["plan_id"], after["pending"]) == ("team", None)
        # The first month, and half of the difference, once.
        paid = [one["amount_paid"] for one in club.stripe.account.every("invoice")]
        assert sorted(paid) == [1000, 1000]


async def test_a_card_that_is_declined_leaves_the_plan_as_it_is(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_club(database_url, tmp_path, clock) as club:
        one = await club.join()
        path = f"/subscriptions/{one['id']}"
        customer = club.stripe.account.every("customer")[0]["id"]
        customers.replace_card(club.stripe.account, customer, customers.DECLINED_LATER)

        refused = await club.ask("POST", f"{path}/change", status=402, plan_id="team")
        after = await club.ask("GET", path)

        assert "was declined" in refused["error"]["detail"]
        assert (after["plan_id"], after["next_plan_id"], after["pending"]) == ("pro", None, None)


async def test_an_account_is_one_customer_and_a_deleted_one_is_made_anew(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_club(database_url, tmp_path, clock) as club:
        orders = [club.store.order(provider="stripe", amount_cents=500) for _ in range(3)]
        await asyncio.gather(*orders)
        await club.join()
        made = club.stripe.account.every("customer")
        assert [one["metadata"]["account_id"] for one in made] == [club.store.account_id]
        asked = [one.form for one in club.stripe.asked if one.path == "/v1/checkout/sessions"]
        assert len(asked) == 4
        assert all(f"customer={made[0]['id']}" in form for form in asked)

        club.stripe.account.drop(made[0])
        await club.store.order(provider="stripe", amount_cents=500)
        await club.store.order(provider="stripe", amount_cents=600)

        now = [one["id"] for one in club.stripe.account.every("customer")]
        assert len(now) == 1
        assert now[0] != made[0]["id"]


async def test_a_renewal_that_fails_is_told_once_with_the_end_of_its_grace(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_club(database_url, tmp_path, clock) as club:
        one = await club.join()
        customer = club.stripe.account.every("customer")[0]["id"]
        customers.replace_card(club.stripe.account, customer, customers.DECLINED_LATER)
        club.stripe.pass_time(30 * 86_400 + 7200)
        clock.advance_s(30 * 86_400 + 7200)
        events = club.stripe.news()
        for batch in (events, events[::-1]):
            await club.stripe.deliver(club.store.gateway.client, WEBHOOK, batch)

        after = await club.ask("GET", f"/subscriptions/{one['id']}")

        assert after["status"] == "past_due"
        # Seven days after the 13th of July.
        assert after["grace_ends_at"] == "2026-07-20T12:00:00Z"
        assert await club.types() == ["started", "past_due"]


async def test_a_second_checkout_ends_the_first_or_finds_it_paid(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_club(database_url, tmp_path, clock) as club:
        first, second = await club.begin("pro"), await club.begin("team")
        sessions = {one["id"]: one for one in club.stripe.account.every("checkout.session")}
        assert [sessions[one]["status"] for one in (first, second)] == ["expired", "open"]
        club.stripe.news()
        # Paid, and nobody has told of it yet: the third is refused before anybody pays.
        assert club.stripe.pay(second)

        third = await club.checkout("pro")

        assert third.status_code == 409
        assert "already_subscribed" in third.text
        assert len(club.stripe.account.every("checkout.session")) == 2
        assert [one["amount_paid"] for one in club.stripe.account.every("invoice")] == [3000]
