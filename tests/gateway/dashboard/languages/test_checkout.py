"""The sandbox's pages for whoever pays, and the ways to them, in Arabic."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from gateway.html.language import ROOMS
from kernel.clock import FixedClock
from tests.gateway.dashboard.test_plans import NEW, PLAN, PLANS, led_to, sold, subscribed
from tests.support.browser import signed_in, text_of
from tests.support.operator_pages import fill
from tests.support.other_language import Visit, arabic, not_arabic, opened_in
from tests.support.selling_gateway import Store, open_store

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


def path_of(order: dict[str, Any]) -> str:
    return urlsplit(str(order["url"])).path


async def test_a_checkout_is_whole_in_arabic_at_each_of_its_ends(store: Store) -> None:
    payer = arabic(store.gateway)
    orders = {
        outcome: await store.order(provider="stripe", **body)
        for outcome, body in (
            ("", {"pack_id": "pack_pro"}),
            ("paid", {}),
            (
                "failed",
                {"success_url": "https://shop.example/a", "cancel_url": "https://shop.example/b"},
            ),
            ("expired", {}),
        )
    }
    for outcome, order in orders.items():
        if outcome:
            await store.press(order, outcome)

    assert (
        await not_arabic(
            payer,
            [
                *(Visit("sandbox_checkout.html", path_of(order)) for order in orders.values()),
                Visit("error.html", path_of(orders[""]), {"outcome": ""}),
                Visit("error.html", "/sandbox/checkout/none"),
            ],
        )
        == []
    )
    shown = text_of((await payer.get(path_of(orders["paid"]))).text)
    assert "20,000 وحدة رصيد مقابل \u206620.00 US$\u2069" in shown
    assert "أُضيفت 20,000 وحدة رصيد إلى الحساب." in shown


async def test_a_plan_is_taken_and_managed_in_arabic(store: Store) -> None:
    boss = await sold(store)
    await fill(boss, PLANS, NEW | {"id": "max", "name": "Max", "trial_days": "7"})
    ann = arabic(await signed_in(store.gateway))
    taken = await fill(ann, PLAN, {"plan": "max/month", "provider": "stripe"})
    bob = arabic(await signed_in(store.gateway, "bob@example.com"))
    await subscribed(store, bob)
    portal = led_to((await bob.send(f"{PLAN}/portal", {})).text)
    acts = ("decline", "cancel")

    assert (
        await not_arabic(ann, [Visit("order_pay.html", taken.headers["location"])])
        + await not_arabic(bob, [Visit("plan_portal.html", f"{PLAN}/portal", {})])
        + await not_arabic(bob, [Visit("sandbox_portal.html", portal)])
        + await not_arabic(bob, [Visit("error.html", portal, {"action": "choose", "plan": "none"})])
        == []
    )
    assert "20.00\xa0US$\u2069 <small>في الشهر</small>" in (await bob.get(portal)).text
    for act in acts:
        await bob.send(portal, {"action": act})
    assert await not_arabic(bob, [Visit("sandbox_portal.html", portal)]) == []


async def test_a_card_is_saved_in_arabic(store: Store) -> None:
    ann = arabic(await signed_in(store.gateway))
    led = await ann.send("/dashboard/recharge/save", {"provider": "stripe"})
    card = led_to(led.text)

    assert await not_arabic(ann, [Visit("sandbox_card.html", card)]) == []
    await ann.send(card, {"card": "asks"})
    assert await not_arabic(ann, [Visit("sandbox_card.html", card)]) == []


def test_each_page_of_the_room_is_opened() -> None:
    assert opened_in(__file__) == ROOMS["checkout"]
