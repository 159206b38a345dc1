"""The Newapi dialect's discounts: read exactly, rounded in favour of whoever sells."""

import pytest
from hypothesis import given, strategies as st
from pydantic import SecretStr

from runtime.setting_forms.groups import discounts_of
from runtime.settings import SettingsError, load_settings


def test_each_amount_has_its_part() -> None:
    found = discounts_of("100:0.95, 500:0.9 2000:0.8333")

    assert {amount: part.parts for amount, part in found.items()} == {
        100: 9500,
        500: 9000,
        2000: 8333,
    }
    assert found[100].of(10_000) == 9_500
    assert found[2000].of(200_000) == 166_660
    assert found[2000].of(1) == 1


@pytest.mark.parametrize("text", ["", " ", ","])
def test_nothing_costs_less_without_one(text: str) -> None:
    assert discounts_of(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "100",
        "100:1",
        "100:1.0",
        "100:0",
        "100:0.0",
        "100:-0.5",
        "100:0.12345",
        "0:0.5",
        "1.5:0.5",
        "100:0.9;200:0.8",
        "100:0.9,100:0.8",
        "100=0.9",
    ],
)
def test_anything_else_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="100"):
        discounts_of(text)
    with pytest.raises(SettingsError, match="TOPUP_NEWAPI_DISCOUNT"):
        load_settings(newapi_discount=text, secret_key=SecretStr("5a" * 32))


@given(st.integers(1, 9_999), st.integers(1, 1_000_000))
def test_a_part_is_never_nothing_and_never_more_than_all(parts: int, cents: int) -> None:
    part = discounts_of(f"1:0.{parts:04d}")[1]

    assert 0 < part.of(cents) <= cents
    assert part.of(cents) * 10_000 >= cents * parts
