"""Buying credit by the pages: what is offered, the way to the payment page and back, the order."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from billing.catalog import coupon
from kernel.clock import FixedClock
from store.database import Transaction
from tests.support.browser import Browser, signed_in, text_of
from tests.support.gateway import API, Gateway
from tests.support.operator_pages import fill, switch
from tests.support.selling_gateway import Store, open_store

BUY = "/dashboard/buy"
ORDERS = "/dashboard/orders"


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def browser(store: Store) -> Browser:
    return await signed_in(store.gateway)


async def ordered(browser: Browser, **fields: str) -> str:
    """The page of a new order for the seed's middle pack at Stripe's stand-in."""
    chosen = {"pack": "pack_pro", "provider": "stripe", **fields}
    answer = await fill(browser, BUY, chosen)
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["location"].partition("?")[0].removesuffix("/pay")


async def checkout_of(browser: Browser, order: str) -> str:
    """The payment page that the order's page leads to, as its path."""
    html = (await browser.get(f"{order}/pay")).text
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', html)
    assert found is not None, "the page leads nowhere"
    return urlsplit(unescape(found[1])).path


@pytest.mark.one_database
async def test_what_is_sold_stands_on_the_page(browser: Browser) -> None:
    text = text_of((await browser.get(BUY)).text)

    # The seed's three packs.
    for told in ("Starter Pack", "5.00 USD", "20.00 USD", "25,000 credits", "Another amount"):
        assert told in text


@pytest.mark.one_database
async def test_providers_have_the_names_that_payers_know(browser: Browser) -> None:
    for path in (BUY, "/dashboard/orders"):
        html = (await browser.get(path)).text
        shown = dict(re.findall(r'<option value="([a-z]+)"[^>]*>([^<]+)</option>', html))

        for name, label in (("stripe", "Stripe"), ("creem", "Creem"), ("epay", "Epay"),
                            ("myfatoorah", "MyFatoorah")):  # fmt: skip
            assert shown[name].removesuffix(", by the sandbox") == label
    order = await ordered(browser)
    assert "Provider Stripe" in " ".join(text_of((await browser.get(order)).text).split())


@pytest.mark.one_database
async def test_an_unpaid_order_leads_to_where_its_payer_says_i_have_paid(
    store: Store, browser: Browser
) -> None:
    order = await ordered(browser)
    html = (await browser.get(order)).text
    found = re.search(r'href="(/orders/status/[^"]+)">I have paid', html)
    assert found is not None
    status = await store.gateway.client.get(unescape(found[1]))

    assert status.status_code == 200
    assert "I have paid" in text_of(status.text)


async def test_paid_at_the_payment_page_and_back(store: Store, browser: Browser) -> None:
    order = await ordered(browser)
    checkout = await checkout_of(browser, order)
    await store.gateway.client.post(checkout, data={"outcome": "paid"})
    ended = (await store.gateway.client.get(checkout)).text
    back = re.search(r'class="button primary" href="([^"]+)"', ended)
    assert back is not None

    page = await browser.get(unescape(back[1]).removeprefix(store.gateway.url))

    assert page.url.path == order
    text = text_of(page.text)
    assert "You are back from the payment page" in text
    assert "25,000 credits , worth $25.00, was added to the staging wallet" in text
    assert "paid" in text
    assert "order.paid" in text
    assert "purchase" in text
    assert "$25.00" in text
    balance = (await browser.request("GET", f"{API}/topup/balance")).json()["data"]
    assert balance["balance_cents"] == 1_000_000 + 2_500


async def test_any_amount_can_be_bought(browser: Browser) -> None:
    order = await ordered(browser, pack="amount", amount="12.34", provider="creem")

    text = text_of((await browser.get(order)).text)
    assert "12,340 credits" in text
    assert "12.34 USD" in text


async def test_a_coupon_lowers_what_is_paid(store: Store, browser: Browser) -> None:
    new = coupon.new_coupon("staging", "QUARTER", now_us=1, percent=25)

    async def work(tx: Transaction) -> None:
        await coupon.create(tx, new)

    await store.gateway.context.database.transaction(work)
    order = await ordered(browser, coupon="quarter")

    text = text_of((await browser.get(order)).text)
    assert "Coupon QUARTER −5.00 USD" in text
    assert "Total 15.00 USD" in text
    assert "$6.25 of the credit is promotional" in text


async def test_what_a_coupon_pays_whole_needs_no_payment_page(
    store: Store, browser: Browser
) -> None:
    new = coupon.new_coupon("staging", "ALL", now_us=1, percent=100)

    async def work(tx: Transaction) -> None:
        await coupon.create(tx, new)

    await store.gateway.context.database.transaction(work)
    answer = await fill(browser, BUY, {"pack": "pack_pro", "provider": "stripe", "coupon": "ALL"})

    assert answer.headers["location"].endswith("?said=order-paid")
    assert "Nothing was left to pay" in (await browser.get(answer.headers["location"])).text


async def test_a_form_that_is_sent_twice_makes_one_order(store: Store, browser: Browser) -> None:
    fields = {"pack": "pack_pro", "provider": "stripe", "once": "frm_1"}

    made = [await fill(browser, BUY, fields) for _ in range(2)]
    other = await fill(browser, BUY, {**fields, "pack": "pack_starter"})

    assert made[0].headers["location"] == made[1].headers["location"]
    assert other.status_code == 409
    assert "created an order already" in text_of(other.text)
    assert 'name="once" value="frm_1"' not in other.text
    listed = (await browser.request("GET", f"{API}/orders")).json()["data"]["items"]
    assert len(listed) == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"pack": "amount", "amount": ""}, "Write an amount in dollars, such as 10.00"),
        ({"pack": "amount", "amount": "0.99"}, "Write an amount from $1.00 to $10,000.00"),
        ({"pack": "amount", "amount": "ten"}, "Write an amount in dollars, such as 10.00"),
        ({"pack": "no_such_pack"}, "Pack"),
        ({"provider": "nobody"}, "Choose one of"),
        ({"provider": ""}, "Choose one of"),
        ({"coupon": "NOSUCH"}, "There is no coupon with this code."),
        ({"coupon": "' OR 1=1"}, "There is no coupon with this code."),
    ],
)
async def test_a_mistake_is_said_and_the_form_kept(
    browser: Browser, fields: dict[str, str], told: str
) -> None:
    answer = await fill(
        browser,
        BUY,
        {"pack": "pack_pro", "provider": "stripe", "coupon": "", "amount": "7.77", **fields},
    )

    assert 400 <= answer.status_code < 500
    assert told in text_of(answer.text)
    kept = {"amount": "7.77", **fields}.get("amount")
    assert f'name="amount" type="text" value="{kept}"' in answer.text
    assert (await browser.request("GET", f"{API}/orders")).json()["data"]["items"] == []


async def test_a_provider_that_is_away_is_gone_on_with(store: Store, browser: Browser) -> None:
    store.server.is_away = True
    fields = {"pack": "pack_pro", "provider": "toypay", "once": "frm_2"}

    refused = await fill(browser, BUY, fields)
    store.server.is_away = False
    again = await browser.send(BUY, fields)

    assert refused.status_code == 503
    assert 'name="once" value="frm_2"' in refused.text
    assert again.status_code == 303
    listed = (await browser.request("GET", f"{API}/orders")).json()["data"]["items"]
    assert len(listed) == 1
    assert f"{ORDERS}/{listed[0]['id']}/pay" == again.headers["location"]


@pytest.mark.one_database
async def test_where_nothing_is_offered_the_page_says_so(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    await switch(browser, "live")

    assert "Nothing can be bought in live yet" in text_of((await browser.get(BUY)).text)


async def test_the_list_narrows_by_state(store: Store, browser: Browser) -> None:
    empty = text_of((await browser.get(ORDERS)).text)
    paid, pending = await ordered(browser), await ordered(browser)
    checkout = await checkout_of(browser, paid)
    await store.gateway.client.post(checkout, data={"outcome": "paid"})

    listed = (await browser.get(f"{ORDERS}?status=paid")).text
    none = text_of((await browser.get(f"{ORDERS}?status=refunded")).text)
    wrong = await browser.get(f"{ORDERS}?status=eaten")

    assert "No orders in staging yet" in empty
    assert paid.rpartition("/")[2] in listed
    assert pending.rpartition("/")[2] not in listed
    assert "Nothing matches these filters" in none
    assert wrong.status_code == 200
    assert "Choose one of pending, paid" in text_of(wrong.text)


async def test_an_order_is_nobody_elses(store: Store, browser: Browser) -> None:
    order = await ordered(browser, once="frm_3")
    stranger = await signed_in(store.gateway, "eve@example.com")

    for path in (order, f"{order}/pay"):
        assert (await stranger.request("GET", path)).status_code == 404
    assert (await stranger.get(f"{BUY}/back/frm_3")).url.path == ORDERS
    await switch(browser, "live")
    assert (await browser.request("GET", order)).status_code == 404


@pytest.mark.one_database
async def test_another_sites_form_orders_nothing(browser: Browser) -> None:
    answer = await browser.send(
        BUY,
        {"pack": "pack_pro", "provider": "stripe"},
        headers={"Origin": "https://evil.example"},
    )

    assert answer.status_code == 403
    assert (await browser.request("GET", f"{API}/orders")).json()["data"]["items"] == []


async def test_a_settled_order_leads_to_no_payment(store: Store, browser: Browser) -> None:
    order = await ordered(browser)
    await store.gateway.client.post(await checkout_of(browser, order), data={"outcome": "failed"})

    page = await browser.get(f"{order}/pay")

    assert page.url.path == order
    assert "The payment failed, so nothing was credited." in text_of(page.text)
    assert f"{BUY}?pack=pack_pro" in page.text
