"""What Stripe's recorded events say, and Stripe's own units of money."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from billing.ledger.price import Price
from billing.providers.protocol import (
    DisputeClosed,
    Disputed,
    DisputeNote,
    Expired,
    Fact,
    Failed,
    Ignored,
    InvoiceLine,
    InvoicePaid,
    NotificationRefused,
    Paid,
    PriceRefused,
    ProviderRefused,
    Refunded,
    Subject,
    SubscriptionChanged,
    Waiting,
)
from billing.providers.stripe.events import stamped
from billing.providers.stripe.objects import Unreadable, from_stripe, to_stripe
from kernel.clock import SECOND_US
from tests.support import providers as bench
from tests.support.providers import ORDER_ID, provider, recorded

SESSION = Subject(ORDER_ID, ("cs_test_a1", "pi_3Qr8"))
PAID = Paid(SESSION, "pi_3Qr8", Price(2000, "USD"))
SUBSCRIBED = Subject(ORDER_ID, ("cs_test_a1", "sub_1Qr8", "in_1Qr8"))
RENEWAL = InvoicePaid(
    Subject(ORDER_ID, ("in_1Qr8", "sub_1Qr8")),
    subscription_ref="sub_1Qr8",
    invoice_id="in_1Qr8",
    price=Price(990, "USD"),
    period_start_at=1_700_000_000 * SECOND_US,
    period_end_at=1_702_592_000 * SECOND_US,
    product_ref="price_pro",
    customer_ref="cus_9",
    lines=(InvoiceLine("price_pro", 990),),
)
STANDING = Subject(ORDER_ID, ("sub_1Qr8",))
CHARGE = Subject(None, ("ch_3Qr8", "pi_3Qr8"))


def facts_of(body: bytes) -> tuple[Fact, ...]:
    return provider("stripe").read(bench.from_stripe(body)).facts


def changed(status: Any, *, is_ending: bool = False) -> SubscriptionChanged:
    end_at = 1_702_592_000 * SECOND_US
    sent_at = 1_700_000_000 * SECOND_US
    return SubscriptionChanged(
        STANDING, "sub_1Qr8", status, end_at, is_ending, "price_pro", sent_at
    )


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("session-paid", PAID),
        ("session-unpaid", Waiting(SESSION)),
        ("session-paid-later", PAID),
        ("session-failed-later", Failed(SESSION, "the payment failed")),
        ("session-expired", Expired(Subject(ORDER_ID, ("cs_test_a1",)))),
        (
            "session-subscribed",
            Paid(
                SUBSCRIBED,
                "in_1Qr8",
                Price(990, "USD"),
                "cus_9",
                "sub_1Qr8",
                subtotal=Price(2000, "USD"),
            ),
        ),
        ("invoice-renewal", RENEWAL),
        (
            "invoice-order-paid",
            Paid(
                Subject(ORDER_ID, ("in_3Qr8",)),
                "in_3Qr8",
                Price(2000, "USD"),
                customer_ref="cus_9",
            ),
        ),
        (
            "invoice-order-voided",
            Failed(Subject(ORDER_ID, ("in_3Qr8",)), "the invoice was voided or given up"),
        ),
        (
            "invoice-order-uncollectible",
            Failed(Subject(ORDER_ID, ("in_3Qr8",)), "the invoice was voided or given up"),
        ),
        ("invoice-payment", Waiting(Subject(None, ("in_3Qr8", "pi_3Inv")))),
        ("subscription-ending", changed("active", is_ending=True)),
        ("subscription-past-due", changed("past_due")),
        ("subscription-deleted", changed("cancelled")),
        ("subscription-incomplete", Ignored("a subscription that is incomplete")),
        (
            "charge-refunded",
            Refunded(Subject(ORDER_ID, ("ch_3Qr8", "pi_3Qr8")), "ch_3Qr8", Price(700, "USD")),
        ),
        (
            "refund-created",
            Refunded(
                Subject(None, ("re_3Qr8", "ch_3Qr8", "pi_3Qr8")),
                "re_3Qr8",
                Price(700, "USD"),
                is_part=True,
            ),
        ),
        ("dispute-created", Disputed(CHARGE, "du_1Qr8", Price(2000, "USD"))),
        ("dispute-won", DisputeClosed(CHARGE, "du_1Qr8", is_won=True)),
        ("dispute-lost", DisputeClosed(CHARGE, "du_1Qr8", is_won=False)),
        # A question: it takes no money.
        ("dispute-inquiry", Disputed(CHARGE, "du_1Qr8", Price(0, "USD"))),
        ("payout", Ignored("nothing to us")),
    ],
)
def test_each_event_says_one_fact(name: str, fact: Fact) -> None:
    assert facts_of(recorded(f"stripe-{name}")) == (fact,)


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
@pytest.mark.parametrize("status", ["active", "past_due", "trialing", "unpaid"])
def test_a_pause_of_payments_is_a_pause_though_stripes_status_stays(
    behavior: str, status: str
) -> None:
    event = json.loads(recorded("stripe-subscription-past-due"))
    event["data"]["object"] |= {
        "status": status,
        "pause_collection": {"behavior": behavior, "resumes_at": 1_710_000_000},
    }

    (fact,) = facts_of(json.dumps(event).encode())

    assert fact == replace(changed("paused"), resumes_at=1_710_000_000 * SECOND_US)


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [
        ("paused", {"status": "paused"}, "paused"),
        ("updated", {"status": "paused"}, "paused"),
        ("resumed", {"status": "active", "pause_collection": None}, "active"),
        ("updated", {"pause_collection": {"behavior": "void"}}, "paused"),
        ("deleted", {"pause_collection": {"behavior": "void", "resumes_at": 7}}, "cancelled"),
    ],
)
def test_stripes_own_pause_and_its_end_are_told(
    kind: str, more: dict[str, Any], status: str
) -> None:
    event = json.loads(recorded("stripe-subscription-past-due"))
    event["type"] = f"customer.subscription.{kind}"
    event["data"]["object"] |= {"status": "active", **more}

    assert facts_of(json.dumps(event).encode()) == (changed(status),)


def test_an_invoice_of_an_older_version_tells_its_payment_too() -> None:
    (fact,) = facts_of(recorded("stripe-invoice-renewal-2024"))

    assert isinstance(fact, InvoicePaid)
    assert fact.subject == Subject(ORDER_ID, ("in_1Qr8", "sub_1Qr8", "pi_3Old", "ch_3Old"))
    assert (fact.price, fact.product_ref) == (RENEWAL.price, RENEWAL.product_ref)
    assert (fact.period_start_at, fact.is_prorated) == (RENEWAL.period_start_at, False)


def test_a_prorated_invoice_is_of_the_new_price_for_the_rest_of_the_period() -> None:
    (fact,) = facts_of(recorded("stripe-invoice-proration"))

    assert isinstance(fact, InvoicePaid)
    assert fact.is_prorated
    assert (fact.price, fact.product_ref) == (Price(1005, "USD"), "price_max")
    assert fact.period_start_at == 1_701_296_000 * SECOND_US


def test_the_orders_id_of_ours_counts_more_than_one_that_a_link_may_carry() -> None:
    event = json.loads(recorded("stripe-session-paid"))
    event["data"]["object"]["client_reference_id"] = "ord_of_the_payers_choice"

    assert facts_of(json.dumps(event).encode()) == (PAID,)

    event["data"]["object"]["metadata"] = {}
    (fact,) = facts_of(json.dumps(event).encode())
    assert isinstance(fact, Paid)
    assert fact.subject.order_id == "ord_of_the_payers_choice"


def test_a_free_session_is_paid_without_a_payment() -> None:
    event = json.loads(recorded("stripe-session-paid"))
    event["data"]["object"].update(
        payment_status="no_payment_required", payment_intent=None, amount_total=0
    )

    (fact,) = facts_of(json.dumps(event).encode())

    assert isinstance(fact, Paid)
    assert (fact.payment_id, fact.price) == ("cs_test_a1", Price(0, "USD"))


def test_expanded_objects_count_by_their_ids() -> None:
    event = json.loads(recorded("stripe-session-paid"))
    event["data"]["object"]["payment_intent"] = {"id": "pi_3Qr8", "object": "payment_intent"}

    assert facts_of(json.dumps(event).encode()) == (PAID,)


@pytest.mark.parametrize(
    "change",
    [
        {"amount_total": None},
        {"amount_total": 20.5},
        {"amount_total": "2000"},
        {"amount_total": -1},
        {"currency": None},
        {"currency": "dollars"},
        {"id": None},
        {"metadata": "x"},
    ],
)
def test_a_genuine_event_in_another_shape_is_refused_whole(change: dict[str, Any]) -> None:
    event = json.loads(recorded("stripe-session-paid"))
    event["data"]["object"].update(change)

    with pytest.raises(NotificationRefused) as refused:
        facts_of(json.dumps(event).encode())

    assert refused.value.reason == "form"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'{"id":"","type":"x","data":{"object":{}}}',
        b'{"id":"e","type":"charge.refunded","data":{"object":' + b"[" * 5000 + b"]" * 5000 + b"}}",
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(NotificationRefused) as refused:
        facts_of(body)

    assert refused.value.reason == "form"


@pytest.mark.parametrize(
    ("price", "theirs"),
    [
        (Price(2000, "USD"), 2000),
        (Price(500, "JPY"), 500),
        (Price(1500, "KWD"), 1500),
        (Price(5, "ISK"), 500),
        (Price(5, "UGX"), 500),
        (Price(500, "MGA"), 5),
        (Price(12345, "CLF"), 12345),
    ],
)
def test_a_price_is_told_to_stripe_in_its_units_and_read_back(price: Price, theirs: int) -> None:
    assert to_stripe(price) == theirs
    assert from_stripe(theirs, price.currency.lower()) == price


@pytest.mark.parametrize("price", [Price(1505, "KWD"), Price(1, "TND"), Price(501, "MGA")])
def test_an_amount_too_fine_for_stripe_is_refused_before_it_is_asked(price: Price) -> None:
    with pytest.raises(ProviderRefused):
        to_stripe(price)


def test_a_fraction_of_a_unit_that_has_none_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        from_stripe(550, "isk")


def test_an_unlisted_currency_is_read_as_it_came_and_never_charged() -> None:
    assert from_stripe(12345, "xqq") == Price(12345, "XQQ")
    with pytest.raises(PriceRefused, match="12,345 smallest units of XQQ"):
        to_stripe(Price(12345, "XQQ"))


@given(
    st.integers(0, 10**15),
    st.sampled_from(["USD", "EUR", "JPY", "ISK", "UGX", "KRW", "CLP", "GBP"]),
)
def test_no_amount_is_lost_on_the_way_to_stripe_and_back(amount: int, currency: str) -> None:
    price = Price(amount, currency)

    assert from_stripe(to_stripe(price), currency.lower()) == price


def test_what_is_told_of_a_dispute_says_when() -> None:
    note = DisputeNote("under_review")
    told = stamped([Disputed(CHARGE, "du_1", Price(1, "USD"), note)], 5)

    assert [one.note and one.note.sent_at for one in told if isinstance(one, Disputed)] == [
        5_000_000
    ]
