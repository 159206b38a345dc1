"""What Stripe is asked to keep and charge a card, and what its words of a decline mean here."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import pytest_asyncio
import respx

from billing.ledger.price import Price
from billing.providers.abilities import (
    Charged,
    ChargeRequest,
    Declined,
    SavedMethod,
    SavedPayments,
    SavingRequest,
    ability,
)
from billing.providers.protocol import (
    Failed,
    Ignored,
    Paid,
    ProviderUnavailable,
    Subject,
    Unconfirmed,
    Waiting,
)
from tests.support import providers as bench
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, ORDER_ID, provider, wish

INTENTS = f"{API_BASE}/v1/payment_intents"
REQUEST = ChargeRequest(ORDER_ID, "cus_9", "pm_9", Price(2500, "USD"), "25,000 credits")
MARKS = {"order_id": ORDER_ID, "origin": "recharge"}
SUBJECT = Subject(ORDER_ID, ("pi_9", "ch_9"))
PAID = Paid(SUBJECT, "pi_9", Price(2500, "USD"), customer_ref="cus_9")


def intent(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "pi_9",
        "object": "payment_intent",
        "status": status,
        "amount_received": 2500 if status == "succeeded" else 0,
        "currency": "usd",
        "customer": "cus_9",
        "latest_charge": "ch_9",
        "metadata": MARKS,
        **more,
    }


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as made:
        yield made


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def cards(client: httpx.AsyncClient) -> SavedPayments:
    found = ability(provider("stripe", client=client), SavedPayments)  # type: ignore[type-abstract]
    assert found is not None
    return found


def form(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), strict_parsing=True))


async def test_a_charge_is_made_under_the_orders_key(
    cards: SavedPayments, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(INTENTS).respond(json=intent("succeeded"))

    assert await cards.charge(REQUEST) == Charged("pi_9", (PAID,))

    sent = asked.calls.last.request
    assert sent.headers["Idempotency-Key"] == f"topup/{ORDER_ID}/charge"
    assert form(sent) == {
        "amount": "2500",
        "currency": "usd",
        "customer": "cus_9",
        "payment_method": "pm_9",
        "payment_method_types[0]": "card",
        "confirm": "true",
        "off_session": "true",
        "error_on_requires_action": "true",
        "description": "25,000 credits",
        "metadata[order_id]": ORDER_ID,
        "metadata[origin]": "recharge",
    }


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"code": "authentication_required"}, "authentication_required"),
        (
            {"code": "card_declined", "decline_code": "authentication_required"},
            "authentication_required",
        ),
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds"),
        (
            {
                "code": "card_declined",
                "decline_code": "insufficient_funds",
                "advice_code": "do_not_try_again",
            },
            "card_declined",
        ),
        ({"code": "expired_card"}, "card_expired"),
        ({"code": "processing_error"}, "try_later"),
        (
            {
                "code": "card_declined",
                "decline_code": "generic_decline",
                "advice_code": "try_again_later",
            },
            "try_later",
        ),
        ({"code": "card_declined", "decline_code": "stolen_card"}, "card_declined"),
    ],
)
async def test_a_decline_is_told_in_our_words(
    cards: SavedPayments, vendor: respx.MockRouter, said: dict[str, str], reason: str
) -> None:
    error = {
        "type": "card_error",
        "message": "no",
        "payment_intent": intent("requires_payment_method"),
    }
    vendor.post(INTENTS).respond(402, json={"error": {**error, **said}})

    assert await cards.charge(REQUEST) == Declined(reason, "pi_9")  # type: ignore[arg-type]


async def test_a_card_that_was_taken_away_and_an_answer_that_says_nothing(
    cards: SavedPayments, vendor: respx.MockRouter
) -> None:
    gone = {"type": "invalid_request_error", "code": "resource_missing", "param": "payment_method"}
    vendor.post(INTENTS).respond(400, json={"error": gone})
    assert await cards.charge(REQUEST) == Declined("card_removed")

    vendor.post(INTENTS).respond(500, json={"error": {"type": "api_error"}})
    with pytest.raises(ProviderUnavailable):
        await cards.charge(REQUEST)


async def test_a_charge_is_found_among_the_customers_payments(
    cards: SavedPayments, vendor: respx.MockRouter
) -> None:
    others = [
        {**intent("succeeded"), "id": "pi_1", "metadata": {**MARKS, "order_id": "ord_other"}},
        # The order's checkout, were it one: a session tells of it.
        {**intent("succeeded"), "id": "pi_2", "metadata": {"order_id": ORDER_ID}},
    ]
    asked = vendor.get(INTENTS)
    asked.side_effect = [
        httpx.Response(200, json={"data": others, "has_more": True}),
        httpx.Response(200, json={"data": [intent("succeeded")], "has_more": False}),
        httpx.Response(200, json={"data": [], "has_more": False}),
    ]

    found = await cards.charged(REQUEST, 1_700_000_000_000_000)
    none = await cards.charged(REQUEST, 1_700_000_000_000_000)

    assert (found, none) == (Charged("pi_9", (PAID,)), None)
    first, second = (dict(call.request.url.params) for call in list(asked.calls)[:2])
    assert first["customer"] == "cus_9"
    assert first["created[gte]"] == str(1_700_000_000 - 3600)
    assert second["starting_after"] == "pi_2"


async def test_a_page_keeps_a_card_and_says_what_the_payer_agrees_to(
    cards: SavedPayments, vendor: respx.MockRouter
) -> None:
    page = vendor.post(f"{API_BASE}/v1/checkout/sessions").respond(
        json={"id": "cs_9", "url": "https://checkout.stripe.com/c/9"}
    )
    vendor.get(f"{API_BASE}/v1/customers/cus_9/payment_methods").respond(
        json={
            "data": [
                {
                    "id": "pm_9",
                    "created": 1,
                    "card": {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2030},
                }
            ]
        }
    )

    back = "https://shop.example/back"
    url = await cards.save_page(SavingRequest("acc_1/live/sav_1", "cus_9", back, back))

    assert url == "https://checkout.stripe.com/c/9"
    sent = form(page.calls.last.request)
    assert (sent["mode"], sent["customer"]) == ("setup", "cus_9")
    assert "charged automatically" in sent["custom_text[submit][message]"]
    assert await cards.saved("cus_9") == [SavedMethod("pm_9", "visa", "4242", "2030-04")]


async def test_a_payment_keeps_the_card_only_where_the_payer_agreed(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.post(f"{API_BASE}/v1/checkout/sessions").respond(
        json={"id": "cs_9", "url": "https://checkout.stripe.com/c/9"}
    )
    name = "payment_intent_data[setup_future_usage]"

    await provider("stripe", client=client).open(wish(customer_ref="cus_9", saves_payment=True))
    assert form(asked.calls.last.request)[name] == "off_session"
    await provider("stripe", client=client).open(wish(customer_ref="cus_9"))
    assert name not in form(asked.calls.last.request)


@pytest.mark.parametrize(
    ("status", "error", "fact"),
    [
        ("succeeded", None, PAID),
        ("processing", None, Waiting(SUBJECT)),
        ("requires_payment_method", {"code": "authentication_required"}, Waiting(SUBJECT)),
        (
            "requires_payment_method",
            {"code": "card_declined", "decline_code": "insufficient_funds"},
            Failed(SUBJECT, "insufficient_funds"),
        ),
    ],
)
async def test_a_charge_is_asked_about(
    client: httpx.AsyncClient, vendor: respx.MockRouter, status: str, error: Any, fact: Any
) -> None:
    made = intent(status, last_payment_error=error)
    vendor.get(f"{INTENTS}/pi_9").respond(json=made)

    assert await provider("stripe", client=client).inquire(ORDER_ID, "pi_9") == (fact,)
    (other,) = await provider("stripe", client=client).inquire("ord_other", "pi_9")
    assert isinstance(other, Ignored)


@pytest.mark.parametrize(
    ("kind", "metadata", "fact"),
    [
        ("succeeded", MARKS, PAID),
        ("payment_failed", MARKS, Unconfirmed(SUBJECT, "pi_9")),
        (
            "succeeded",
            {"order_id": ORDER_ID},
            Ignored("a checkout's payment, which its session tells"),
        ),
    ],
)
def test_its_events_are_told_from_those_of_a_checkout(
    kind: str, metadata: dict[str, str], fact: Any
) -> None:
    event = {
        "id": "evt_9",
        "type": f"payment_intent.{kind}",
        "created": 1_700_000_000,
        "data": {"object": intent("succeeded", metadata=metadata)},
    }
    said = provider("stripe").read(bench.from_stripe(json.dumps(event).encode()))
    assert said.facts == (fact,)
