"""What a person typed is read in one way, or asked for again."""

import pytest

from billing.ledger.price import price_of
from gateway.html.forms import Form, ungrouped
from kernel.errors import InvalidInput


def typed(text: str) -> Form:
    return Form({"amount": [text]})


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12", 1200),
        ("12.5", 1250),
        ("$1,250.00", 125_000),
        ("1,250,000", 125_000_000),
        (" .5 ", 50),
        ("", None),
    ],
)
def test_dollars(text: str, cents: int | None) -> None:
    assert typed(text).cents("amount") == cents


# Twelve and a half as many people of the world write it, and what no reading is sure of.
@pytest.mark.parametrize("text", ["12,50", "12,5", "1,25", ",5", "1,2500", "1.250,00", "12,50.00"])
def test_a_comma_that_groups_nothing_is_asked_about(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"write an amount in dollars"):
        typed(text).cents("amount")
    with pytest.raises(InvalidInput):
        typed(text).integer("amount")
    with pytest.raises(InvalidInput):
        price_of(ungrouped(typed(text).text("amount")), "USD", param="amount")


def test_whole_numbers() -> None:
    assert [typed(text).integer("amount") for text in ("1,000", "-5", "17", "")] == [
        1000,
        -5,
        17,
        None,
    ]
