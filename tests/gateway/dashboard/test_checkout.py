"""The sandbox's checkout without scripts: what it shows, what its buttons do, and who may press them."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from billing.payments.sandbox import checkout as sandbox_checkout
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
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", body))).strip()


async def test_the_page_says_what_is_bought_for_how_much_and_that_it_is_a_sandbox(
    store: Store,
) -> None:
    made = await store.order(provider="stripe", pack_id="pack_pro")
    page = await store.gateway.client.get(urlsplit(made["url"]).path)

    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert page.headers["x-frame-options"] == "DENY"
    assert "<script" not in page.text
    shown = text_of(page.text)
    assert shown.startswith("Sandbox. No real money moves on this page. Pro Pack 20.00 USD")
    for words in ("Credits25,000", "Simulated providerStripe", made["id"], "Pay 20.00 USD"):
        assert words in shown


async def test_each_providers_stand_in_is_paid_at_its_page(store: Store) -> None:
    for number, provider in enumerate(("creem", "epay", "myfatoorah", "stripe"), start=1):
        made = await store.order(provider=provider)
        page = await store.press(made, "paid")

        assert (await store.show(made["id"]))["status"] == "paid", provider
        assert "Paid 20,000 credits were added to the account." in text_of(page.text)
        assert await store.bought_cents() == 2000 * number
    assert await store.findings() == []


async def test_decline_and_abandon_end_the_order_unpaid(store: Store) -> None:
    for provider in ("creem", "epay", "myfatoorah", "stripe"):
        for outcome, word in (("failed", "Declined"), ("expired", "Abandoned")):
            made = await store.order(provider=provider)
            page = await store.press(made, outcome)

            assert f"{word} Nothing was charged" in text_of(page.text)
            assert (await store.show(made["id"]))["status"] == outcome, provider
    assert await store.bought_cents() == 0


async def test_the_first_button_counts_and_pressing_again_pays_once(store: Store) -> None:
    made = await store.order(provider="stripe")
    await store.press(made, "paid")
    await store.press(made, "paid")
    page = await store.press(made, "failed")

    assert "Paid" in text_of(page.text)
    assert (await store.show(made["id"]))["status"] == "paid"
    assert await store.bought_cents() == 2000
    assert await store.findings() == []


async def test_a_decision_that_was_never_told_can_be_told_from_the_page(store: Store) -> None:
    made = await store.order(provider="stripe")
    token = made["url"].rpartition("/")[2]
    # The gateway that took the button's word died before it sent the notification.
    await store.gateway.context.database.transaction(
        lambda tx: sandbox_checkout.decide(tx, token, "paid", now_us=0)
    )
    waiting = await store.gateway.client.get(urlsplit(made["url"]).path)
    before = (await store.show(made["id"]))["status"]
    page = await store.press(made, "paid")

    assert "Send the notification again" in text_of(waiting.text)
    assert before == "pending"
    assert "credits were added" in text_of(page.text)
    assert await store.bought_cents() == 2000


async def test_the_page_leads_on_to_where_the_buyer_wants_the_payer(store: Store) -> None:
    urls = {
        "success_url": 'https://shop.example/thanks?a=1&b="2"',
        "cancel_url": "https://shop.example/cart",
    }
    paid = await store.press(await store.order(provider="stripe", **urls), "paid")
    declined = await store.press(await store.order(provider="stripe", **urls), "failed")
    order = await store.order(provider="stripe")
    plain = await store.press(order, "paid")

    assert 'href="https://shop.example/thanks?a=1&amp;b=&#34;2&#34;"' in paid.text
    assert "Continue to shop.example" in paid.text
    assert 'href="https://shop.example/cart"' in declined.text
    assert f'href="{urlsplit(order["status_url"]).path}"' in plain.text


async def test_an_unknown_address_is_a_page_that_says_so(store: Store) -> None:
    await store.order(provider="stripe")
    for token in ("", "nope", "a" * 200, "..%2f..", "%00", "' OR 1=1 --"):
        page = await store.gateway.client.get(f"/sandbox/checkout/{token}")
        pressed = await store.gateway.client.post(
            f"/sandbox/checkout/{token}", data={"outcome": "paid"}
        )
        assert (page.status_code, pressed.status_code) == (404, 404), token
    assert await store.bought_cents() == 0


async def test_a_form_that_is_none_of_the_buttons_decides_nothing(store: Store) -> None:
    made = await store.order(provider="stripe")
    path = urlsplit(made["url"]).path
    for body in (b"", b"outcome=refunded", b"outcome=", b"outcome=paid%00", b"\xff", b'{"a":1}'):
        answer = await store.gateway.client.post(
            path, content=body, headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code in {400, 422}, body
    assert (await store.show(made["id"]))["status"] == "pending"


async def test_an_order_that_ended_elsewhere_can_no_longer_be_paid_there(
    store: Store, clock: FixedClock
) -> None:
    made = await store.order(provider="stripe")
    clock.advance_s(86_400)
    await store.gateway.context.payments.check(await store.row(made["id"]))
    page = await store.press(made, "paid")

    assert "This checkout can no longer be paid." in text_of(page.text)
    assert (await store.show(made["id"]))["status"] == "expired"
    assert await store.bought_cents() == 0


async def test_addresses_are_not_guessable_from_one_another(store: Store) -> None:
    made = [await store.order(provider="stripe") for _ in range(20)]
    tokens = {one["url"].rpartition("/")[2] for one in made}

    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {32}
    assert len({token[:4] for token in tokens}) == 20
