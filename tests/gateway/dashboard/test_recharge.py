"""Auto-recharge by its page, at the sandbox's stand-in: saved, charged, declined, confirmed, removed."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from billing.payments.recharging.customer_deletion import list_forgotten
from kernel.clock import FixedClock
from tests.support.browser import Browser, csrf_of, signed_in, text_of
from tests.support.operator_pages import ADMIN, account_of, fill, operator
from tests.support.selling_gateway import Store, open_store
from worker.money.chores import forgetting_chore
from worker.money.provider_calls import Recharger

PAGE = "/dashboard/recharge"

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def browser(store: Store) -> Browser:
    return await signed_in(store.gateway)


async def press(browser: Browser, action: str, **fields: str) -> str:
    """Presses a button of the page; returns what it answered."""
    token = csrf_of((await browser.get(PAGE)).text)
    given = {"environment": "staging", "csrf_token": token, **fields}
    answer = await browser.send(action, given)
    return answer.text


async def save_card(browser: Browser, card: str) -> None:
    html = await press(browser, f"{PAGE}/save", provider="stripe")
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', html)
    assert found is not None, text_of(html)
    page = urlsplit(unescape(found[1])).path
    assert "charged automatically" in text_of((await browser.get(page)).text)
    await browser.gateway.client.post(page, data={"card": card})


async def work(store: Store) -> None:
    context = store.gateway.context
    recharger = Recharger(context.database, context.clock, context.payments.charging)
    for _ in range(3):
        await recharger.step()


WISH = {"below": "20000.00", "amount": "25.00", "monthly_max": "50.00", "provider": "stripe"}


async def test_a_saved_card_is_charged_when_the_balance_is_low(
    store: Store, browser: Browser
) -> None:
    await save_card(browser, "pays")
    await fill(browser, PAGE, WISH)  # $10,000.00 of test credit are less than that
    await work(store)

    text = text_of((await browser.get(PAGE)).text)
    assert "visa ending in 4242" in text
    assert "$25.00 with visa 4242" in text
    assert "$10,025.00" in text_of((await browser.get("/dashboard")).text)

    token = csrf_of((await browser.get(PAGE)).text)
    path, headers = "/api/public/v1/topup/balance/recharge", {"X-CSRF-Token": token}
    gone = (await browser.request("DELETE", path, headers)).json()["data"]
    assert (gone["status"], gone["disabled_reason"], gone["amount_cents"]) == ("off", None, 2500)

    await press(browser, f"{PAGE}/forget", provider="stripe", method=await method_of(browser))
    text = text_of((await browser.get(PAGE)).text)
    assert "No card yet" in text
    assert "Switch on" not in text


async def test_the_address_of_a_card_page_is_stored_sealed(store: Store, browser: Browser) -> None:
    token = csrf_of((await browser.get(PAGE)).text)
    path = "/api/public/v1/topup/balance/recharge/methods"
    asked = {"provider": "stripe", "return_url": "https://shop.example/back"}
    headers = {"X-CSRF-Token": token, "Idempotency-Key": "save-1"}
    first, again = [await browser.request("POST", path, headers, json=asked) for _ in range(2)]

    assert first.json()["data"] == again.json()["data"]
    secret = first.json()["data"]["url"].rpartition("/")[2]
    rows = await store.gateway.context.database.read(
        lambda tx: tx.fetch("SELECT body FROM idempotency_keys WHERE is_sealed = 1")
    )
    assert len(rows) == 1
    assert secret.encode() not in bytes(rows[0]["body"])


async def test_a_card_that_asks_leads_to_a_page_where_a_person_confirms(
    store: Store, browser: Browser
) -> None:
    await save_card(browser, "asks")
    await fill(browser, PAGE, WISH)
    await work(store)

    html = (await browser.get(PAGE)).text
    found = re.search(r'href="([^"]+)"[^>]*>Confirm the payment of \$25.00', html)
    assert found is not None, text_of(html)
    checkout = urlsplit(unescape(found[1])).path
    await browser.gateway.client.post(checkout, data={"outcome": "paid"})
    await work(store)

    assert "$10,025.00" in text_of((await browser.get("/dashboard")).text)
    assert "Confirm the payment" not in text_of((await browser.get(PAGE)).text)


async def test_a_declined_card_says_why(store: Store, browser: Browser) -> None:
    await save_card(browser, "no_funds")
    await fill(browser, PAGE, WISH)
    await work(store)

    assert "insufficient funds" in text_of((await browser.get(PAGE)).text)


async def test_an_operator_sees_a_recharge_and_switches_it_off(
    store: Store, browser: Browser
) -> None:
    await save_card(browser, "no_funds")
    await fill(browser, PAGE, WISH)
    await work(store)
    boss = await operator(store.gateway)
    page = f"{ADMIN}/accounts/{await account_of(browser)}"

    seen = text_of((await boss.get(page)).text)
    assert "$25.00 when the balance is below $20,000.00" in seen
    assert "$0.00 of at most $50.00" in seen  # what was declined took nothing
    assert "insufficient funds" in seen

    nameless = await boss.send(f"{page}/recharge-off", {"reason": " "})
    assert nameless.status_code == 422
    await boss.send(f"{page}/recharge-off", {"reason": "card is stolen"})

    assert "an operator switched it off" in text_of((await boss.get(page)).text)
    assert "The operator of this gateway turned auto-recharge off" in text_of(
        (await browser.get(PAGE)).text
    )
    assert "card is stolen" in text_of((await boss.get(f"{ADMIN}/audit")).text)


async def test_an_operator_sees_which_customers_a_provider_has_yet_to_delete(store: Store) -> None:
    database = store.gateway.context.database
    columns = ("provider", "environment", "customer_ref", "next_attempt_at", "created_at")
    rows = [("stripe", "staging", f"cus_{number}", 1, 1) for number in (1, 2)]
    await database.transaction(lambda tx: tx.insert("forgotten_customers", columns, rows))
    context = store.gateway.context
    await forgetting_chore(database, context.clock, context.payments.forgetting).run()
    boss, page = await operator(store.gateway), f"{ADMIN}/providers"

    seen = text_of((await boss.get(page)).text)
    one = {"provider": "stripe"}
    silent = await boss.send(f"{page}/forgotten/cus_1/drop", one)
    await boss.send(f"{page}/forgotten/cus_1/drop", {**one, "reason": "deleted by hand"})
    await boss.send(f"{page}/forgotten/cus_2/retry", one)

    # The one was asked for; the provider is left alone until the next look.
    assert "stripe has no credentials in staging" in seen
    assert "not asked yet" in seen
    assert silent.status_code == 422
    left = await database.read(list_forgotten)
    assert [one.customer_ref for one in left] == ["cus_2"]
    assert left[0].next_attempt_at <= context.clock.now_us()
    assert "deleted by hand" in text_of((await boss.get(f"{ADMIN}/audit")).text)


async def test_without_a_card_nothing_is_set_and_no_key_may_set_it(
    store: Store, browser: Browser
) -> None:
    gateway = store.gateway
    body = {
        "below_cents": 500,
        "amount_cents": 1000,
        "monthly_max_cents": 3000,
        "provider": "stripe",
    }
    refused = await gateway.call("PUT", "/topup/balance/recharge", key=store.key, json=body)
    assert refused.status_code == 401
    assert "Auto-recharge needs a card" in text_of((await browser.get(PAGE)).text)


async def test_a_card_is_kept_with_a_purchase_whose_payer_agreed(
    store: Store, browser: Browser
) -> None:
    for agreed in ({}, {"save": "yes"}):
        wish = {"pack": "pack_pro", "provider": "stripe", **agreed}
        order = (await fill(browser, "/dashboard/buy", wish)).headers["location"]
        found = re.search(r'content="0;url=([^"]+)"', (await browser.get(order)).text)
        assert found is not None
        await store.gateway.client.post(urlsplit(unescape(found[1])).path, data={"outcome": "paid"})
        text = text_of((await browser.get(PAGE)).text)
        assert ("visa ending in 4242" in text) is bool(agreed)

    refused = await store.post(save_payment_method=True, provider="stripe")
    assert refused.status_code == 422


async def method_of(browser: Browser) -> str:
    found = re.search(r'name="method" value="([^"]+)"', (await browser.get(PAGE)).text)
    assert found is not None
    return found[1]
