"""What Creem's recorded events say: prices without tax, and what goes back of them."""

import json
from typing import Any

import pytest

from billing.ledger.price import Price
from billing.providers.breakdown import Breakdown, TaxPart
from billing.providers.protocol import (
    Disputed,
    Fact,
    Ignored,
    InvoicePaid,
    NotificationRefused,
    Paid,
    Refunded,
    RefundFailed,
    Subject,
    SubscriptionChanged,
    Waiting,
)
from kernel.clock import parse_rfc3339
from tests.support.providers import ORDER_ID, from_creem, provider, recorded

CHECKOUT = Subject(ORDER_ID, ("ch_4l0N", "ord_4aDw", "tran_5yMa"))
SUBSCRIPTION = Subject(ORDER_ID, ("sub_6pC2", "tran_5yMb"))
START_AT = parse_rfc3339("2024-10-12T11:58:38Z")
END_AT = parse_rfc3339("2024-11-12T11:58:38Z")


def facts_of(body: bytes) -> tuple[Fact, ...]:
    return provider("creem").read(from_creem(body)).facts


def changed(status: Any, *, is_ending: bool = False) -> SubscriptionChanged:
    sent_at = 1_728_734_325_927_000
    return SubscriptionChanged(
        SUBSCRIPTION, "sub_6pC2", status, END_AT, is_ending, "prod_pro", sent_at
    )


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        # 20.00 and 4.20 of tax were paid: the price is 20.00.
        (
            "checkout-completed",
            Paid(
                CHECKOUT,
                "tran_5yMa",
                Price(2000, "USD"),
                "cust_1Oc",
                # Creem adds the tax and keeps it.
                breakdown=Breakdown(
                    subtotal=2000, total=2420, taxes=(TaxPart("Tax, collected by Creem", 420),)
                ),
            ),
        ),
        ("checkout-unpaid", Waiting(CHECKOUT)),
        # The payer found a discount on Creem's page: what was paid is the price.
        ("checkout-discounted", Paid(CHECKOUT, "tran_5yMa", Price(1500, "USD"), "cust_1Oc")),
        (
            "subscription-paid",
            InvoicePaid(
                SUBSCRIPTION,
                subscription_ref="sub_6pC2",
                invoice_id="tran_5yMb",
                price=Price(990, "USD"),
                period_start_at=START_AT,
                period_end_at=END_AT,
                product_ref="prod_pro",
                customer_ref="cust_1Oc",
                # It names the transaction, and does not show it.
                is_listed=True,
            ),
        ),
        ("subscription-canceled", changed("cancelled")),
        ("subscription-expired", changed("expired")),
        ("subscription-ending", changed("active", is_ending=True)),
        # 12.10 of 24.20 went back: half of the price.
        (
            "refund",
            Refunded(
                Subject(ORDER_ID, ("tran_5yMa", "ord_4aDw", "ch_4l0N")),
                "ref_3DB9",
                Price(1000, "USD"),
            ),
        ),
        (
            "dispute",
            Disputed(
                Subject(None, ("tran_5yMa", "ord_4aDw", "ch_4l0N")),
                "disp_6vSs",
                Price(2000, "USD"),
            ),
        ),
    ],
)
def test_each_event_says_one_fact(name: str, fact: Fact) -> None:
    assert facts_of(recorded(f"creem-{name}")) == (fact,)


@pytest.mark.parametrize(
    ("asked", "sold", "objection"),
    [
        ("prod_credit", "", None),
        # The operator sells another product by now; the order was for this one.
        ("prod_credit", "prod_new", None),
        ("prod_other", "prod_credit", "product prod_credit was paid, not prod_other"),
        (None, "prod_credit", None),
        (None, "prod_other", "product prod_credit was paid, not prod_other"),
        (None, "", None),
    ],
)
def test_a_payment_for_another_product_than_the_orders_is_objected_to(
    asked: str | None, sold: str, objection: str | None
) -> None:
    event = json.loads(recorded("creem-checkout-completed"))
    if asked is not None:
        event["object"]["metadata"]["product_id"] = asked

    notification = from_creem(json.dumps(event).encode())
    (fact,) = provider("creem", credit_product_id=sold).read(notification).facts

    assert isinstance(fact, Paid)
    assert fact.objection == objection


def test_a_refund_that_failed_takes_nothing_back() -> None:
    event = json.loads(recorded("creem-refund"))
    event["object"]["status"] = "failed"

    (fact,) = facts_of(json.dumps(event).encode())

    assert isinstance(fact, RefundFailed)
    assert fact.price == Price(1000, "USD")


def test_part_of_a_cent_that_went_back_is_a_whole_one() -> None:
    event = json.loads(recorded("creem-refund"))
    event["object"]["refund_amount"] = 1

    (fact,) = facts_of(json.dumps(event).encode())

    assert isinstance(fact, Refunded)
    assert fact.price == Price(1, "USD")


def test_an_unknown_event_is_nothing_to_us() -> None:
    event = {"id": "evt_1", "eventType": "license.created", "object": {"id": "x"}}

    assert facts_of(json.dumps(event).encode()) == (Ignored("nothing to us"),)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("checkout-completed", {"order": {"id": "ord_1", "status": "paid"}}),
        (
            "checkout-completed",
            {"order": {"id": "o", "status": "paid", "amount": 20.5, "currency": "USD"}},
        ),
        (
            "checkout-completed",
            {"order": {"id": "o", "status": "paid", "amount": -1, "currency": "USD"}},
        ),
        (
            "checkout-completed",
            {"order": {"id": "o", "status": "paid", "amount": 1, "currency": "dollars"}},
        ),
        ("subscription-paid", {"current_period_start_date": None}),
        ("subscription-paid", {"current_period_end_date": "soon"}),
        ("subscription-paid", {"last_transaction_id": None}),
        ("subscription-paid", {"product": "prod_pro"}),
        ("refund", {"refund_amount": None}),
        ("refund", {"refund_amount": -1}),
        ("dispute", {"currency": ""}),
    ],
)
def test_a_genuine_event_in_another_shape_is_refused_whole(
    name: str, change: dict[str, Any]
) -> None:
    event = json.loads(recorded(f"creem-{name}"))
    event["object"].update(change)

    with pytest.raises(NotificationRefused) as refused:
        facts_of(json.dumps(event).encode())

    assert refused.value.reason == "form"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"\xff", b'{"id":"","eventType":"x"}']
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(NotificationRefused) as refused:
        facts_of(body)

    assert refused.value.reason == "form"
