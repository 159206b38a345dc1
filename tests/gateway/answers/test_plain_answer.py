"""Numbers of dialects: exact, and always with a fraction."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from billing.ledger.price import Price
from gateway.answers.answer import number, plain_answer, price_number


@pytest.mark.parametrize(
    ("units", "places", "text"),
    [
        (500, 2, b"5.0"),
        (525, 2, b"5.25"),
        (5, 2, b"0.05"),
        (0, 2, b"0.0"),
        (300, 0, b"300.0"),
        (1500, 3, b"1.5"),
        (9223372036854775807, 3, b"9223372036854775.807"),
    ],
)
def test_a_number_shows_a_place_and_no_needless_zero(units: int, places: int, text: bytes) -> None:
    assert bytes(number(units, places)) == text


@given(st.integers(0, 2**63 - 1), st.integers(0, 6))
def test_a_number_is_what_it_was(units: int, places: int) -> None:
    text = bytes(number(units, places)).decode()

    assert Decimal(text) == Decimal(units).scaleb(-places)
    assert "." in text


@pytest.mark.parametrize(
    ("price", "text"),
    [(Price(2000, "USD"), b"20.0"), (Price(6200, "KWD"), b"6.2"), (Price(62, "XQQ"), b"62.0")],
)
def test_a_price_has_its_currencys_places(price: Price, text: bytes) -> None:
    assert bytes(price_number(price)) == text


def test_numbers_stand_in_an_answer_as_they_are() -> None:
    assert plain_answer({"price": number(500, 2)}, http_status=201).body == b'{"price":5.0}'
