"""Tax and discounts as Stripe tells them, in our words; each sum worked out by hand."""

from typing import Any

import msgspec
import pytest

from billing.providers.breakdown import Breakdown, TaxPart
from billing.providers.stripe.events import invoice_breakdown, session_breakdown
from billing.providers.stripe.objects import Invoice, Session


def of_session(
    subtotal: int, total: int, *, tax: int = 0, discount: int = 0, currency: str = "eur"
) -> Breakdown | None:
    told = {
        "id": "cs_1",
        "amount_subtotal": subtotal,
        "amount_total": total,
        "total_details": {
            "amount_discount": discount,
            "amount_shipping": 0,
            "amount_tax": tax,
        },
    }
    return session_breakdown(msgspec.convert(told, Session), currency)


def of_invoice(**fields: Any) -> Breakdown | None:
    paid = {"id": "in_1", "currency": "eur", "amount_paid": fields.get("total", 0)}
    return invoice_breakdown(msgspec.convert({**paid, **fields}, Invoice))


def test_tax_that_is_added_and_tax_that_the_price_contains() -> None:
    # 19 % on 20.00; and of 20.00 with 19 % in it, 20.00 / 1.19 = 16.81 and 3.19.
    assert of_session(2000, 2380, tax=380) == Breakdown(
        subtotal=2000, total=2380, taxes=(TaxPart("Tax", 380, is_included=False),)
    )
    assert of_session(2000, 2000, tax=319) == Breakdown(
        subtotal=2000, total=2000, taxes=(TaxPart("Tax", 319, is_included=True),)
    )


def test_a_discount_comes_off_before_tax() -> None:
    # 25.00 less 5.00, and 19 % on what is left.
    assert of_session(2500, 2380, tax=380, discount=500) == Breakdown(
        subtotal=2500, total=2380, discount=500, taxes=(TaxPart("Tax", 380),)
    )
    # 25.00 less 5.00, with 3.19 in what is left.
    assert of_session(2500, 2000, tax=319, discount=500) == Breakdown(
        subtotal=2500, total=2000, discount=500, taxes=(TaxPart("Tax", 319, is_included=True),)
    )


@pytest.mark.parametrize(
    ("currency", "theirs", "ours"),
    [
        ("jpy", (2000, 2200, 200), (2000, 2200, 200)),
        ("kwd", (10_000, 10_500, 500), (10_000, 10_500, 500)),
        # Stripe writes two places that are always 00.
        ("isk", (200_000, 248_000, 48_000), (2000, 2480, 480)),
    ],
)
def test_amounts_have_the_places_of_their_currency(
    currency: str, theirs: tuple[int, int, int], ours: tuple[int, int, int]
) -> None:
    made = of_session(theirs[0], theirs[1], tax=theirs[2], currency=currency)

    assert made == Breakdown(subtotal=ours[0], total=ours[1], taxes=(TaxPart("Tax", ours[2]),))


def test_several_rates_are_lines_of_their_own() -> None:
    # 100.00 with 5 % GST and 9.975 % QST added, as Quebec has them.
    rates = [
        {"amount": 500, "tax_behavior": "exclusive", "taxability_reason": "standard_rated"},
        {"amount": 998, "tax_behavior": "exclusive", "taxability_reason": "standard_rated"},
        {"amount": 0, "tax_behavior": "exclusive", "taxability_reason": "not_collecting"},
    ]
    assert of_invoice(subtotal=10_000, total=11_498, total_taxes=rates) == Breakdown(
        subtotal=10_000, total=11_498, taxes=(TaxPart("Tax", 500), TaxPart("Tax", 998))
    )


def test_an_older_version_of_the_api_marks_included_tax_otherwise() -> None:
    made = of_invoice(
        subtotal=2000, total=2000, total_tax_amounts=[{"amount": 319, "inclusive": True}]
    )

    assert made == Breakdown(
        subtotal=2000, total=2000, taxes=(TaxPart("Tax", 319, is_included=True),)
    )


def test_a_reverse_charge_is_named_though_it_is_of_nothing() -> None:
    made = of_invoice(
        subtotal=2000,
        total=2000,
        total_taxes=[{"amount": 0, "taxability_reason": "reverse_charge"}],
    )

    assert made == Breakdown(subtotal=2000, total=2000, taxes=(TaxPart("Tax, reverse charge", 0),))


def test_discounts_and_the_customers_balance_of_an_invoice() -> None:
    # 30.00 less 2.00 and 3.00; 5.00 of the 25.00 come out of the balance.
    made = of_invoice(
        subtotal=3000,
        total=2500,
        amount_paid=2000,
        total_discount_amounts=[{"amount": 200}, {"amount": 300}],
    )

    assert made == Breakdown(subtotal=3000, total=2500, discount=500, from_balance=500)


@pytest.mark.parametrize(
    "made",
    [
        of_session(2000, 2000),
        of_invoice(subtotal=2000, total=2000),
        of_invoice(subtotal=2000),
        # What is no amount of ours is left out: the payment counts all the same.
        of_invoice(subtotal=2000, total=2380, currency="?"),
        of_session(200_050, 248_000, tax=48_000, currency="isk"),
        of_session(-2000, 2000, tax=319),
    ],
)
def test_what_says_nothing_or_cannot_be_read_is_left_out(made: Breakdown | None) -> None:
    assert made is None
