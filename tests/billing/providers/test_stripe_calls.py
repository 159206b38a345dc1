"""What Stripe is asked, with which keys, and what is made of its answers; respx stands at the border."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import parse_qsl

import httpx
import pytest
import pytest_asyncio
import respx
import stripe

from billing.ledger.price import Price
from billing.providers.protocol import (
    CheckoutRequest,
    Closing,
    Expired,
    Ignored,
    Linking,
    Opened,
    Paid,
    PriceRefused,
    ProviderRefused,
    ProviderUnavailable,
    Subject,
    Waiting,
)
from billing.providers.stripe.objects import API_VERSION
from kernel.errors import DomainError
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, ORDER_ID, provider, recorded, stand_in, wish

SESSIONS = f"{API_BASE}/v1/checkout/sessions"
ANSWER = json.loads(recorded("stripe-answer-session"))


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as made:
        yield made


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def form(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), strict_parsing=True))


async def test_a_payment_is_opened_with_the_orders_id_on_each_object(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(SESSIONS).respond(json=ANSWER)
    request = wish(customer_email="payer@example.com", expires_at=1_700_003_600_000_000)

    opened = await provider("stripe", client=client).open(request)

    assert opened == Opened(
        "https://checkout.stripe.com/c/pay/cs_test_a1", "cs_test_a1", ("cs_test_a1",)
    )
    sent = asked.calls.last.request
    assert form(sent) == {
        "mode": "payment",
        "client_reference_id": ORDER_ID,
        "metadata[order_id]": ORDER_ID,
        "payment_intent_data[metadata][order_id]": ORDER_ID,
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "2000",
        "line_items[0][price_data][product_data][name]": "Credit & more",
        "success_url": "https://shop.example/thanks",
        "cancel_url": "https://shop.example/cart",
        "customer_email": "payer@example.com",
        "expires_at": "1700003600",
    }
    assert sent.headers["Authorization"] == "Bearer sk_live_hunter2"
    assert sent.headers["Idempotency-Key"] == f"topup/{ORDER_ID}/session"
    assert sent.headers["Accept-Encoding"] == "identity"
    # Nothing about this machine.
    assert "platform" not in sent.headers["X-Stripe-Client-User-Agent"]
    assert "X-Stripe-Client-Telemetry" not in sent.headers


async def test_a_subscription_carries_the_orders_id_to_its_renewals(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(SESSIONS).respond(json={**ANSWER, "customer": "cus_9"})
    one = provider("stripe", client=client)

    by_price = await one.open(
        wish(kind="subscription", product_ref="price_pro", customer_ref="cus_9")
    )
    await one.open(wish(kind="subscription", interval="year"))

    assert by_price.customer_ref == "cus_9"
    first, second = (form(call.request) for call in asked.calls)
    assert first["subscription_data[metadata][order_id]"] == ORDER_ID
    assert (first["line_items[0][price]"], first["customer"]) == ("price_pro", "cus_9")
    assert second["line_items[0][price_data][recurring][interval]"] == "year"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"amount_total": 999},
            "price is 999 USD in the smallest unit, but the price here is 20.00 USD",
        ),
        ({"amount_total": 2000, "currency": "eur"}, "price is 2000 EUR in the smallest unit"),
    ],
)
async def test_a_price_of_stripes_own_that_differs_is_found_before_anybody_pays(
    client: httpx.AsyncClient, vendor: respx.MockRouter, answer: dict[str, object], words: str
) -> None:
    vendor.post(SESSIONS).respond(json={**ANSWER, "currency": "usd", **answer})
    ended = vendor.post(f"{SESSIONS}/cs_test_a1/expire").respond(json=ANSWER)

    with pytest.raises(PriceRefused, match=words):
        await provider("stripe", client=client).open(
            wish(kind="subscription", product_ref="price_pro")
        )

    assert ended.call_count == 1


async def test_a_price_that_stripe_does_not_know_is_a_wrong_price(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    error = {
        "type": "invalid_request_error",
        "code": "resource_missing",
        "param": "line_items[0][price]",
        "message": "No such price",
    }
    vendor.post(SESSIONS).respond(400, json={"error": error})

    with pytest.raises(PriceRefused, match="rejected the plan's price price_pro"):
        await provider("stripe", client=client).open(
            wish(kind="subscription", product_ref="price_pro")
        )


@pytest.mark.parametrize(("status", "is_closed"), [(200, True), (400, False)])
async def test_a_checkout_is_ended_unless_it_is_too_late(
    client: httpx.AsyncClient, vendor: respx.MockRouter, status: int, *, is_closed: bool
) -> None:
    error = {"error": {"type": "invalid_request_error", "message": "Only open sessions"}}
    vendor.post(f"{SESSIONS}/cs_test_a1/expire").respond(
        status, json=ANSWER if status == 200 else error
    )
    one = provider("stripe", client=client)
    assert isinstance(one, Closing)

    assert await one.close(ORDER_ID, "cs_test_a1") is is_closed


async def test_stripe_says_which_invoice_a_payment_paid(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.get(url__startswith=SESSIONS.replace("checkout/sessions", "invoice_payments"))
    asked.respond(json={"object": "list", "data": [{"id": "inpay_1", "invoice": "in_3"}]})
    one = provider("stripe", client=client)
    assert isinstance(one, Linking)

    assert await one.linked(["ch_1", "pi_1"]) == [("in_3", "pi_1")]
    assert dict(asked.calls.last.request.url.params) == {
        "payment[type]": "payment_intent",
        "payment[payment_intent]": "pi_1",
    }


async def test_an_invoice_is_made_item_by_item_and_sent(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    answer = json.loads(recorded("stripe-answer-invoice"))
    routes = [
        vendor.post(f"{API_BASE}/v1/{path}").respond(json=made)
        for path, made in (
            ("invoices", {"id": "in_3Qr8", "object": "invoice", "status": "draft"}),
            ("invoiceitems", {"id": "ii_1", "object": "invoiceitem"}),
            ("invoices/in_3Qr8/finalize", answer),
            ("invoices/in_3Qr8/send", answer),
        )
    ]

    payer = {"customer_email": "payer@example.com", "customer_ref": "cus_9"}

    wanted = wish("KWD", 6200, kind="invoice", **payer)
    opened = await provider("stripe", client=client).open(wanted)

    assert opened.url == "https://invoice.stripe.com/i/acct_1/live_x"
    assert opened.invoice_pdf == "https://pay.stripe.com/invoice/acct_1/live_x/pdf"
    assert (opened.ref, opened.customer_ref) == ("in_3Qr8", "cus_9")
    assert opened.objects == ("in_3Qr8", "pi_3Inv")
    sent = [route.calls.last.request for route in routes]
    keys = [request.headers["Idempotency-Key"] for request in sent]
    assert keys == [
        f"topup/{ORDER_ID}/{step}/cus_9" for step in ("invoice", "item", "finalize", "send")
    ]
    invoice, item = form(sent[0]), form(sent[1])
    assert invoice["metadata[order_id]"] == ORDER_ID
    assert (invoice["collection_method"], invoice["days_until_due"]) == ("send_invoice", "7")
    assert invoice["pending_invoice_items_behavior"] == "exclude"
    assert form(sent[2]) == {"expand[0]": "payments"}
    assert (item["amount"], item["currency"], item["invoice"]) == ("6200", "kwd", "in_3Qr8")


async def test_the_portal_is_opened_for_the_customer(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(f"{API_BASE}/v1/billing_portal/sessions").respond(
        json={"id": "bps_1", "url": "https://billing.stripe.com/p/session/x"}
    )

    url = await provider("stripe", client=client).portal("cus_9", "https://shop.example/me")

    assert url == "https://billing.stripe.com/p/session/x"
    assert form(asked.calls.last.request) == {
        "customer": "cus_9",
        "return_url": "https://shop.example/me",
    }


def times_out(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("the network said sk_live_hunter2", request=request)


def breaks_off(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("half an answer", request=request)


Answering = Callable[[httpx.Request], httpx.Response]
NOTHING_KNOWN: list[Answering] = [
    times_out,
    breaks_off,
    lambda _: httpx.Response(500, json={"error": {"type": "api_error", "message": "hunter2"}}),
    lambda _: httpx.Response(502, text="<html>bad gateway</html>"),
    lambda _: httpx.Response(409, json={"error": {"type": "idempotency_error"}}),
    lambda _: httpx.Response(200, text="<html>"),
    lambda _: httpx.Response(200, json=[]),
    lambda _: httpx.Response(200, content=b'{"id":' + b"[" * 9000 + b"]" * 9000 + b"}"),
    lambda _: httpx.Response(400, json={"error": "bare"}),
    lambda _: httpx.Response(200, content=b" " * (1024 * 1024 + 1)),
    lambda _: httpx.Response(200, content=b"x", headers={"Content-Encoding": "gzip"}),
]


@pytest.mark.parametrize("answer", NOTHING_KNOWN)
async def test_while_nothing_is_known_the_same_is_asked_three_times(
    client: httpx.AsyncClient,
    vendor: respx.MockRouter,
    answer: Answering,
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = vendor.post(SESSIONS).mock(side_effect=answer)
    caplog.set_level(logging.DEBUG)

    with pytest.raises(ProviderUnavailable) as refused:
        await provider("stripe", client=client).open(wish())

    assert asked.call_count == 3
    keys = {call.request.headers["Idempotency-Key"] for call in asked.calls}
    assert keys == {f"topup/{ORDER_ID}/session"}
    assert len({call.request.content for call in asked.calls}) == 1
    assert refused.value.retry_after_s is not None
    assert "hunter2" not in refused.value.detail
    ours = [record for record in caplog.records if not record.name.startswith(("http", "stripe"))]
    assert [record.getMessage() for record in ours] == ["provider.unavailable"]
    assert "hunter2" not in str([vars(record) for record in ours])


async def test_a_second_try_that_is_answered_is_all_that_counts(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(SESSIONS).mock(
        side_effect=[httpx.ConnectError("away"), httpx.Response(200, json=ANSWER)]
    )

    opened = await provider("stripe", client=client).open(wish())

    assert opened.ref == "cs_test_a1"
    assert asked.call_count == 2


@pytest.mark.parametrize(
    ("status", "answer", "detail"),
    [
        (
            400,
            "stripe-answer-error",
            "stripe refused the payment: amount_too_small, line_items[0][price_data]",
        ),
        (401, "stripe-answer-bad-key", "stripe doesn't accept the gateway's credentials."),
        (402, "stripe-answer-error", "stripe refused the payment: amount_too_small"),
        (403, "stripe-answer-bad-key", "stripe doesn't accept the gateway's credentials."),
    ],
)
async def test_a_definite_no_is_asked_once_and_told_in_stripes_own_words_only(
    client: httpx.AsyncClient, vendor: respx.MockRouter, status: int, answer: str, detail: str
) -> None:
    asked = vendor.post(SESSIONS).respond(status, json=json.loads(recorded(answer)))

    with pytest.raises(ProviderRefused) as refused:
        await provider("stripe", client=client).open(wish())

    assert asked.call_count == 1
    assert refused.value.detail.startswith(detail)
    assert "hunter2" not in str(refused.value)


async def test_a_redirect_is_not_followed(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    stolen = vendor.post("https://elsewhere.example/").respond(json=ANSWER)
    vendor.post(SESSIONS).respond(307, headers={"Location": "https://elsewhere.example/"})

    with pytest.raises(DomainError):
        await provider("stripe", client=client).open(wish())

    assert stolen.call_count == 0


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({}, Waiting(Subject(ORDER_ID, ("cs_test_a1",)))),
        ({"status": "expired"}, Expired(Subject(ORDER_ID, ("cs_test_a1",)))),
        (
            {"status": "complete", "payment_status": "paid", "payment_intent": "pi_3Qr8"},
            Paid(Subject(ORDER_ID, ("cs_test_a1", "pi_3Qr8")), "pi_3Qr8", Price(2000, "USD")),
        ),
        (
            {"client_reference_id": "ord_other", "metadata": {"order_id": "ord_other"}},
            Ignored("the checkout is another order's"),
        ),
    ],
)
async def test_an_inquiry_says_what_became_of_the_session(
    client: httpx.AsyncClient, vendor: respx.MockRouter, change: dict[str, object], fact: object
) -> None:
    vendor.get(f"{SESSIONS}/cs_test_a1").respond(json={**ANSWER, **change})

    facts = await provider("stripe", client=client).inquire(ORDER_ID, "cs_test_a1")

    assert facts == (fact,)


async def test_an_inquiry_says_what_became_of_the_invoice(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    answer = json.loads(recorded("stripe-answer-invoice"))
    asked = vendor.get(f"{API_BASE}/v1/invoices/in_3Qr8").respond(
        json={**answer, "status": "paid", "amount_paid": 2000}
    )
    one = provider("stripe", client=client)

    facts = await one.inquire(ORDER_ID, "in_3Qr8")
    other = await one.inquire("ord_other", "in_3Qr8")

    assert dict(asked.calls.last.request.url.params) == {"expand[0]": "payments"}
    assert facts == (
        Paid(
            Subject(ORDER_ID, ("in_3Qr8", "pi_3Inv")),
            "in_3Qr8",
            Price(2000, "USD"),
            customer_ref="cus_9",
        ),
    )
    assert other == (Ignored("the invoice is another order's"),)


async def test_an_inquiry_about_what_stripe_does_not_know_tells_nothing(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    error = {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
    vendor.get(f"{SESSIONS}/cs_gone").respond(404, json=error)

    with pytest.raises(ProviderUnavailable):
        await provider("stripe", client=client).inquire(ORDER_ID, "cs_gone")


@pytest.mark.parametrize("request_", [wish(), wish(kind="invoice")])
async def test_a_stand_in_asks_nobody(request_: CheckoutRequest) -> None:
    one = stand_in("stripe")

    with pytest.raises(ProviderRefused):
        await one.open(request_)
    with pytest.raises(ProviderRefused):
        await one.inquire(ORDER_ID, "cs_1")
    with pytest.raises(ProviderRefused):
        await one.portal("cus_9", "https://shop.example/me")


def test_simulated_events_are_of_the_librarys_version() -> None:
    assert stripe.api_version == API_VERSION
