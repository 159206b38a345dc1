"""What may be set as a currency: money that is legal tender somewhere today."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import product
from string import ascii_uppercase

import pytest

from billing.catalog.coupon import new_coupon
from billing.catalog.pack import Pack, check_pack
from billing.catalog.plan import Plan, check_plan
from billing.catalog.product_fields import ProductFields
from billing.ledger.price import Price, check_currency, convert, places_of, price_of
from billing.providers.event_log import in_words
from billing.providers.protocol import stated
from billing.recipients.language import languages
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


def test_the_places_of_every_currency_that_may_be_set_are_known() -> None:
    settable = {
        code for code in map("".join, product(ascii_uppercase, repeat=3)) if is_settable(code)
    }

    assert len(settable) > 150
    assert {code for code in settable if places_of(code) == 0} == {
        *[
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ]
    }
    assert {code for code in settable if places_of(code) == 3} == {
        *["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
    }


def is_settable(code: str) -> bool:
    try:
        return check_currency(code) == code
    except InvalidInput:
        return False


def test_a_unit_of_account_has_four_places() -> None:
    assert [Price(12345, code).words() for code in ("CLF", "UYW")] == ["1.2345 CLF", "1.2345 UYW"]
    assert price_of("1.2345", "CLF") == Price(12345, "CLF")


def test_nobody_guesses_the_places_of_a_currency_that_is_not_listed() -> None:
    for work in (
        lambda: places_of("XQQ"),
        lambda: price_of("1.00", "XQQ"),
        lambda: convert(Price(100, "USD"), "XQQ", Fraction(2)),
        lambda: convert(Price(100, "XQQ"), "USD", Fraction(2)),
    ):
        with pytest.raises(InvalidInput, match="The decimal places of 'XQQ' aren't known"):
            work()
    told = Price(-1234567, "XQQ")
    assert (told.decimal(), told.words()) == ("-1234567", "-1,234,567 smallest units of XQQ")
    assert (in_words(told), languages()["ar"].price(told)) == (told.words(), told.words())


def pack_in(code: str) -> object:
    return check_pack(
        Pack(
            environment="live",
            id="a",
            name="A",
            amount=1000,
            currency=code,
            credits=100,
            created_at=0,
        )
    )


def plan_in(code: str) -> object:
    plan = Plan(
        environment="live",
        id="a",
        name="A",
        price_monthly=1000,
        credits_included=100,
        currency=code,
        created_at=0,
    )
    return check_plan(plan, ProductFields({}))


def coupon_in(code: str) -> object:
    return new_coupon("live", "A10", now_us=0, amount_off=10, currency=code)


@pytest.mark.parametrize("code", ["CLF", "XQQ", "HRK"])
@pytest.mark.parametrize("door", [pack_in, plan_in, coupon_in, partial(stated, check_currency)])
def test_no_door_lets_a_price_in_that_nobody_could_charge(
    door: Callable[[str], object], code: str
) -> None:
    with pytest.raises((InvalidInput, ValueError), match="Use an ISO 4217 currency"):
        door(code)
    door("KWD")


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
