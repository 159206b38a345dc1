from typing import Literal, cast

BalanceCurrency = Literal["USD"]


def check_balance_currency(value: str) -> BalanceCurrency:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BalanceCurrency, value)
