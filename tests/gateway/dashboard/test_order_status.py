"""The payer's page of an order: who finds it, what it says, and how rarely it asks the provider."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.selling_gateway import Store, open_store

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


def text_of(html: str) -> str:
    """What a person reads."""
    body = html.partition("<body>")[2]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


def path_of(order: dict[str, Any]) -> str:
    return urlsplit(str(order["status_url"])).path


async def look(store: Store, order: dict[str, Any], **more: Any) -> httpx.Response:
    return await store.gateway.client.get(path_of(order), **more)


async def press(store: Store, order: dict[str, Any]) -> httpx.Response:
    """I have paid, and the page that it leads to."""
    pressed = await store.gateway.client.post(path_of(order))
    assert pressed.status_code == 303, pressed.text
    return await store.gateway.client.get(pressed.headers["location"])


def questions(store: Store) -> int:
    """How often Toypay was asked about a checkout."""
    return sum(one.startswith("ask ") for one in store.server.asked)


async def test_it_needs_no_account_and_nobody_keeps_or_learns_its_address(store: Store) -> None:
    order = await store.order()
    page = await look(store, order)

    shown = text_of(page.text)
    assert "$20.00" in shown
    assert "We are waiting for the payment." in shown
    assert "toypay hasn't reported anything yet." in shown.lower()
    assert "<script" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["cache-control"] == "no-store"
    assert order["id"] not in page.text
    assert (await store.show(order["id"]))["status_url"] == order["status_url"]


async def test_its_address_is_in_no_row_and_a_made_up_one_finds_nothing(store: Store) -> None:
    order = await store.order()
    token = path_of(order).rpartition("/")[2]
    assert len(token) == 22
    assert token not in repr(await store.row(order["id"]))
    last = "A" if token[-1] != "A" else "Q"
    for wrong in (token[:-1] + last, token[:-1], token + "A", order["id"], "", "..%2f", "%00"):
        page = await store.gateway.client.get(f"/orders/status/{wrong}")
        pressed = await store.gateway.client.post(f"/orders/status/{wrong}")
        assert (page.status_code, pressed.status_code) == (404, 404), wrong
    assert questions(store) == 0


async def test_a_press_finds_the_payment_that_nobody_told_of(store: Store) -> None:
    order = await store.order()
    store.server.pay(await store.row(order["id"]))
    page = await press(store, order)

    shown = text_of(page.text)
    assert "Paid: the credit is in the account." in shown
    assert "I have paid" not in shown
    assert (await store.show(order["id"]))["status"] == "paid"
    assert await store.bought_cents() == 2000
    assert await store.findings() == []


async def test_a_payment_after_our_expiry_credits_by_a_press_and_by_a_notification(
    store: Store, clock: FixedClock
) -> None:
    pressed, told = await store.order(), await store.order()
    clock.advance_s(86_400)
    for one in (pressed, told):
        await store.gateway.context.payments.check(await store.row(one["id"]))
    ended = text_of((await look(store, pressed)).text)
    clock.advance_s(3_600)
    store.server.pay(await store.row(pressed["id"]))
    await press(store, pressed)
    await store.notify("paid", told["id"])

    assert "No payment arrived in time." in ended
    assert "Late payments are accepted" in ended
    assert [(await store.show(one["id"]))["status"] for one in (pressed, told)] == ["paid"] * 2
    assert await store.bought_cents() == 4000
    assert await store.findings() == []


async def test_a_thousand_presses_ask_the_provider_once(store: Store, clock: FixedClock) -> None:
    order = await store.order()
    asked_before = questions(store)
    for _ in range(40):
        await store.gateway.client.post(path_of(order))
    outcomes = {
        (await store.gateway.context.payments.questions.check(await store.row(order["id"]))).outcome
        for _ in range(960)
    }
    assert questions(store) == asked_before + 1
    assert outcomes == {"just_asked"}

    clock.advance_s(15)
    await store.gateway.context.payments.questions.check(await store.row(order["id"]))
    assert questions(store) == asked_before + 2


async def test_one_address_asks_ten_times_a_minute_over_all_orders(store: Store) -> None:
    orders = [await store.order() for _ in range(12)]
    pages = [text_of((await press(store, one)).text) for one in orders]

    told_to_wait = ["Too many checks at once." in page for page in pages]
    assert told_to_wait == [False] * 10 + [True] * 2
    assert questions(store) == 10


async def test_a_provider_that_gives_no_answer_is_said_so(store: Store) -> None:
    order = await store.order()
    store.server.is_away = True
    page = await press(store, order)

    assert (
        "toypay isn't responding. we will check again automatically." in text_of(page.text).lower()
    )
    assert (await store.show(order["id"]))["status"] == "pending"


async def test_a_provider_that_hangs_is_waited_for_a_moment_and_by_few(
    store: Store, clock: FixedClock
) -> None:
    orders = [await store.row((await store.order())["id"]) for _ in range(6)]
    payments = store.gateway.context.payments
    store.server.hanging = asyncio.Event()
    quick = payments.questions_within(0.3)
    asked = [asyncio.create_task(quick.check(one)) for one in orders]
    outcomes = [(await one).outcome for one in asked]
    answers = [(await store.row(one.id)).answer for one in orders]
    store.server.hanging.set()

    assert outcomes == ["asked"] * 4 + ["busy"] * 2
    assert answers == ["silent"] * 4 + [None] * 2
    # What was asked in vain is asked again by whoever comes next.
    clock.advance_s(15)
    store.server.pay(orders[0])
    assert (await quick.check(await store.row(orders[0].id))).order.status == "paid"


async def test_it_speaks_the_readers_language(store: Store) -> None:
    order = await store.order()
    asked = await look(store, order, headers={"accept-language": "es-MX"})
    picked = await store.gateway.client.get(f"{path_of(order)}?lang=ar")

    assert "Estamos esperando el pago." in text_of(asked.text)
    assert 'dir="rtl"' in picked.text
