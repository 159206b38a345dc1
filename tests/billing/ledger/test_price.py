"""What may be set as a currency: money that is legal tender somewhere today."""

import pytest

from billing.ledger.price import check_currency, places_of
from kernel.errors import InvalidInput


def test_money_of_today_is_a_currency() -> None:
    assert [check_currency(text) for text in ("usd", " KWD ", "JPY", "EUR", "XAF", "SLE")] == [
        "USD",
        "KWD",
        "JPY",
        "EUR",
        "XAF",
        "SLE",
    ]


# No code at all, money that ended, gold, a fund, a test's code, no money, and what is not a code.
@pytest.mark.parametrize(
    "text", ["XXQ", "HRK", "ANG", "XAU", "CHE", "XTS", "X" * 3, "US", "USDT", "ÜSD", "U$D", ""]
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_currency(text)

    assert refused.value.param == "currency"


def test_what_is_stored_in_a_currency_that_ended_is_still_read() -> None:
    assert places_of("HRK") == 2
