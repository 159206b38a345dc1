"""The operator's pages: who may see them, what they change, and what they keep apart."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from gateway.dashboard.surface import OPERATOR
from gateway.http.routing import Router
from kernel.clock import FixedClock
from keys.principal import ADMIN
from tests.support.browser import signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN as HERE, account_of, fill, operator, switch
from tests.support.selling_gateway import Store, open_store

NASTY = "<script>alert(1)</script>\"'><img src=x>"
PLACES = tuple(
    one.template for one in Router((OPERATOR,)) if "GET" in one.routes and "{" not in one.template
)


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def in_review(store: Store) -> str:
    """An order that was paid with a cent too little."""
    made = await store.order()
    await store.notify("paid", made["id"], amount=made["pay_amount"] - 1)
    return str(made["id"])


# Who may


@pytest.mark.one_database
def test_every_page_of_the_operators_needs_admin() -> None:
    for resource in Router((OPERATOR,)):
        for route in resource.routes.values():
            assert route.scopes == (ADMIN,), resource.template
            assert route.session_only


@pytest.mark.one_database
async def test_an_account_sees_no_page_and_no_way_to_one(store: Store) -> None:
    order_id = await in_review(store)
    browser = await signed_in(store.gateway)
    ids = {
        "order_id": order_id,
        "account": store.account_id,
        "account_id": store.account_id,
        "pack_id": "pack_pro",
        "coupon_code": "SUMMER",
        "batch_id": "rdb_0000000000000000",
        "code_id": "rdc_0000000000000000",
        "plan_id": "plan_pro",
        "subscription_id": "sub_0000000000000000",
        "transaction_id": "txn_0000000000000000",
        "act": "fail",
        "supplier": "wallet",
        "platform": "claude",
        "difference_id": "dif_1",
        "refund_id": "rfd_0000000000000000",
        "payment_id": "mpy_0000000000000000",
        "customer_ref": "cus_1",
        "document_id": "doc_0000000000000000",
        "endpoint_id": "we_0000000000000000",
    }

    for resource in Router((OPERATOR,)):
        path = resource.template.format(**ids)
        for method in resource.routes:
            headers = {"Origin": store.gateway.url}
            answer = await browser.request(method, path, headers)
            assert answer.status_code == 403, path
            # The way to other colours repeats the path, which is the caller's own.
            assert order_id not in text_of(answer.text)
            assert "me@example.com" not in answer.text
    assert HERE not in (await browser.get("/dashboard")).text
    assert (await store.show(order_id))["status"] == "review"


@pytest.mark.one_database
async def test_a_key_with_admin_opens_no_page(gateway: Gateway) -> None:
    browser = await operator(gateway)
    key = await gateway.key(await account_of(browser), scopes=(ADMIN,))

    answer = await gateway.client.get(HERE, headers={"Authorization": f"Bearer {key}"})

    assert answer.headers["location"].startswith("/sign-in")


async def test_every_page_opens_for_an_operator(gateway: Gateway) -> None:
    browser = await operator(gateway)

    for place in PLACES:
        answer = await browser.request("GET", place)
        assert answer.status_code == 200, place
        assert answer.headers["cache-control"] == "no-store"
        assert f'href="{HERE}/coupons"' in answer.text
        assert " style=" not in answer.text


# Review


@pytest.mark.one_database
@pytest.mark.parametrize(("press", "cents"), [("19.99", 1999), ("20.00", 2000)])
async def test_what_came_or_the_price_is_credited_by_one_press(
    store: Store, press: str, cents: int
) -> None:
    boss = await operator(store.gateway)
    page = f"{HERE}/orders/{await in_review(store)}"
    asks = f"Credit {press} USD to {store.account_id}?"
    assert f'<button name="amount" value="{press}" data-ask="{asks}"' in (await boss.get(page)).text

    done = await fill(boss, page, {"amount": press, "reason": "Bank fees"}, to="/approve")

    assert done.status_code == 303
    assert await store.bought_cents() == cents
    assert await store.findings() == []


async def test_what_does_not_fit_is_listed_and_approved_with_a_reason(store: Store) -> None:
    boss = await operator(store.gateway)
    order_id = await in_review(store)
    page = f"{HERE}/orders/{order_id}"

    listed = text_of((await boss.get(HERE)).text)
    before = text_of((await boss.get(page)).text)
    mute = await fill(boss, page, {"amount": "20.00"}, to="/approve")
    done = await fill(
        boss, page, {"amount": "20.00", "reason": "One cent of bank fees"}, to="/approve"
    )
    after = text_of((await boss.get(page)).text)

    assert order_id in listed
    assert "19.99 USD was paid, not 20.00 USD" in before
    assert mute.status_code == 422
    assert re.search(r'id="reason"[^>]*aria-invalid="true"', mute.text)
    assert done.headers["location"] == f"{page}?said=orders.approve"
    assert "approved by boss@example.com (One cent of bank fees)" in after
    assert "Decide" not in after
    assert await store.bought_cents() == 2000
    # What a person approved stays on the other list.
    assert order_id not in (await boss.get(HERE)).text
    assert order_id in (await boss.get(f"{HERE}?kind=credited_unpaid")).text
    assert await store.findings() == []


async def test_rejecting_ends_the_order_without_credit(store: Store) -> None:
    boss = await operator(store.gateway)
    order_id = await in_review(store)
    page = f"{HERE}/orders/{order_id}"

    done = await boss.send(f"{page}/reject", {"reason": "Refunded at Toypay"})
    again = await boss.send(f"{page}/approve", {"reason": "After all"})

    assert done.headers["location"] == f"{page}?said=orders.reject"
    assert again.status_code == 409
    assert "The order is failed" in text_of(again.text)
    assert (await store.show(order_id))["status"] == "failed"
    assert await store.bought_cents() == 0


async def test_the_payment_of_a_review_is_refunded_on_its_page(store: Store) -> None:
    boss = await operator(store.gateway)
    order_id = await in_review(store)
    page = f"{HERE}/orders/{order_id}"

    before = text_of((await boss.get(page)).text)
    done = await boss.send(
        f"{page}/refund", {"reason": "Not what it costs", "made_at_provider": "tp_1"}
    )

    assert "refund it below" in before
    assert "sends nothing back by an API" in before
    assert done.headers["location"].endswith("?said=orders.refund")
    after = await store.show(order_id)
    assert (after["status"], after["refunded_amount"]) == ("failed", 1999)
    assert order_id not in text_of((await boss.get(HERE)).text)
    assert await store.bought_cents() == 0
    again = await boss.send(f"{page}/refund", {"reason": "x", "made_at_provider": "tp_2"})
    assert again.status_code == 409
    assert await store.findings() == []


async def test_a_second_payment_is_dismissed_and_can_go_back_later(store: Store) -> None:
    boss = await operator(store.gateway)
    made = await store.order()
    await store.notify("paid", made["id"])
    await store.notify("paid", made["id"], event_id="evt_2", payment_id="pay_other")
    page = f"{HERE}/orders/{made['id']}"

    listed = text_of((await boss.get(HERE)).text)
    before = (await boss.get(page)).text
    done = await boss.send(f"{page}/reject", {"reason": "Looked at later"})

    assert made["id"] in listed
    assert "refund, dismiss" in listed
    assert "Dismiss" in before
    assert "Credit the price" not in before
    assert done.status_code == 303
    assert made["id"] not in text_of((await boss.get(HERE)).text)
    assert "Payments without credit" in text_of((await boss.get(page)).text)
    # Toypay has no API for refunds: it was made there, and is written down.
    wrong = await boss.send(f"{page}/refund", {"payment": "pay_other", "reason": "twice"})
    assert wrong.status_code == 422
    fields = {"payment": "pay_other", "reason": "twice", "made_at_provider": "tp_9"}
    noted = await boss.send(f"{page}/refund", fields)
    assert noted.headers["location"].endswith("?said=orders.refund")
    assert "Payments without credit" not in text_of((await boss.get(page)).text)
    shown = await store.show(made["id"])
    assert (shown["status"], shown["refunded_amount"]) == ("paid", 0)
    assert await store.findings() == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    "fields",
    [
        {"amount": "0.00", "reason": "x"},
        {"amount": "eat", "reason": "x"},
        {"amount": "20.01", "reason": "x"},
        {"amount": "5.00", "pay_currency": "", "reason": "x"},
        {"amount": "20.00", "reason": "x" * 201},
    ],
)
async def test_a_decision_that_is_none_decides_nothing(
    store: Store, fields: dict[str, str]
) -> None:
    boss = await operator(store.gateway)
    order_id = await in_review(store)

    answer = await fill(boss, f"{HERE}/orders/{order_id}", fields, to="/approve")

    assert answer.status_code == 422
    assert f'value="{fields["reason"]}"' in answer.text
    assert (await store.show(order_id))["status"] == "review"


async def test_the_other_environments_orders_are_not_there(store: Store) -> None:
    boss = await operator(store.gateway)
    order_id = await in_review(store)
    await switch(boss, "live")
    page = f"{HERE}/orders/{order_id}"

    assert (await boss.request("GET", page)).status_code == 404
    assert (await boss.send(f"{page}/approve", {"reason": "x"})).status_code == 404
    for place in ("", "/orders", "/events", f"/orders?account_id={store.account_id}"):
        assert order_id not in (await boss.get(HERE + place)).text
    assert (await store.show(order_id))["status"] == "review"


# Orders, events, accounts


async def test_orders_of_everybody_are_found(store: Store) -> None:
    boss = await operator(store.gateway)
    made = await store.order()

    for query, is_there in (
        ({}, True),
        ({"account_id": store.account_id}, True),
        ({"account_id": "acc_0000000000000000"}, False),
        ({"status": "pending", "provider": "toypay"}, True),
        ({"status": "nonsense"}, False),
        ({"order_no": made["order_no"]}, True),
        ({"order_no": NASTY}, False),
    ):
        page = await boss.get(f"{HERE}/orders?{urlencode(query)}")
        assert (made["id"] in page.text) is is_there, query
        assert "<script>alert" not in page.text


async def test_the_log_of_notifications_tells_each_and_what_became_of_it(store: Store) -> None:
    boss = await operator(store.gateway)
    order_id = await in_review(store)
    made = await store.order()
    await store.notify("paid", made["id"])

    everything = text_of((await boss.get(f"{HERE}/events")).text)
    waiting = text_of((await boss.get(f"{HERE}/events?show=open")).text)

    assert order_id in everything
    assert made["id"] in everything
    assert order_id in waiting
    assert made["id"] not in waiting


@pytest.mark.one_database
@pytest.mark.parametrize("cursor", ["x", "1", "1.2", "-1.a.b", f"{10**19}.a.b", NASTY])
async def test_a_bad_cursor_of_the_log_is_told(gateway: Gateway, cursor: str) -> None:
    boss = await operator(gateway)

    answer = await boss.request("GET", f"{HERE}/events?{urlencode({'cursor': cursor})}")

    assert answer.status_code == 422


async def test_the_log_goes_on_after_its_first_page(store: Store) -> None:
    boss = await operator(store.gateway)
    made = await store.order()
    for number in range(51):
        await store.notify("paid", made["id"], event_id=f"evt_{number:03d}.x")

    first = (await boss.get(f"{HERE}/events")).text
    following = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = (await boss.get(following.replace("&amp;", "&"))).text

    events = [f"evt_{number:03d}.x" for number in range(51)]
    assert len([one for one in events if one in first]) == 50
    assert len([one for one in events if one in second]) == 1
    assert 'rel="next"' not in second


async def test_accounts_are_found_by_parts_of_what_they_are_called(gateway: Gateway) -> None:
    boss = await operator(gateway)
    ann = await signed_in(gateway, "ann_x@shop.example")
    ann_id = await account_of(ann)

    for text, is_there in (
        ("", True),
        ("ANN_X@", True),
        ("shop.example", True),
        (ann_id, True),
        (ann_id.lower(), False),
        ("annyx@", False),
        ("%", False),
        (NASTY, False),
    ):
        page = await boss.get(f"{HERE}/accounts?{urlencode({'matching': text})}")
        assert (f"/accounts/{ann_id}" in page.text) is is_there, text


async def test_an_account_shows_what_it_has_in_this_environment(store: Store) -> None:
    boss = await operator(store.gateway)
    made = await store.order()
    page = f"{HERE}/accounts/{store.account_id}"

    text = text_of((await boss.get(page)).text)
    await switch(boss, "live")
    live = text_of((await boss.get(page)).text)
    unknown = await boss.request("GET", f"{HERE}/accounts/acc_0000000000000000")

    for shown in ("$10,000.00", "me@example.com", "Keys 1", made["id"]):
        assert shown in text
    assert "$10,000.00" not in live
    assert made["id"] not in live
    assert unknown.status_code == 404


async def test_an_account_shows_what_it_has_without_what_can_be_spent(gateway: Gateway) -> None:
    boss = await operator(gateway)
    ann = await signed_in(gateway, "ann@example.com")
    ann_id = await account_of(ann)
    key = await gateway.key(ann_id, name="shop")
    sent = await gateway.call(
        "POST",
        "/topup/send",
        key=key,
        json={"platform": "claude", "amount_cents": 700, "recipient_email": "bob@example.com"},
    )
    address = "http://127.0.0.1:7999/hook"
    wish = {"url": f"{address}?token=t0ps3cret"}
    made = await gateway.call("POST", "/webhooks/register", key=key, json=wish)
    secrets = (key, "t0ps3cret", made.json()["data"]["secret"], sent.json()["data"]["voucher_code"])
    topup_id, endpoint_id = sent.json()["transaction_id"], made.json()["data"]["id"]
    page = f"{HERE}/accounts/{ann_id}"
    lists = {
        "/topups": (topup_id, "bob@example.com"),
        "/topups?status=delivered&platform=claude&recipient_email=Bob@Example.com": (topup_id,),
        "/keys": ("shop", key[-4:]),
        "/webhooks": (address,),
        f"/webhooks/{endpoint_id}": (address, "Nothing failed"),
        "/wallets": ("bob@example.com", "$7.00"),
        "/topups?format=csv": (topup_id, ",700,"),
        "/keys?format=csv": ("shop", key[-4:]),
        "/webhooks?format=csv": (address,),
        "/wallets?format=csv": ("bob@example.com,claude,700",),
    }

    for place, shown in {"": (topup_id, "shop", address, "bob@example.com"), **lists}.items():
        answer = await boss.request("GET", page + place)
        assert answer.status_code == 200, place
        assert all(one in answer.text for one in shown), place
        assert not any(one in answer.text for one in secrets), place
    for none in ("?status=failed", "?reference=x", "?created_after=2030-01-01"):
        assert topup_id not in (await boss.get(f"{page}/topups{none}")).text
    assert (await boss.request("GET", f"{page}/topups?created_after=x")).status_code == 422
    for place in ("topups", "keys", "webhooks", "wallets", f"webhooks/{endpoint_id}"):
        elsewhere = await boss.request("GET", f"{HERE}/accounts/acc_0000000000000000/{place}")
        assert elsewhere.status_code == 404, place
