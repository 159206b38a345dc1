from typing import Literal, cast

LowBalanceEventDataCurrency = Literal["USD"]


def check_low_balance_event_data_currency(value: str) -> LowBalanceEventDataCurrency:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(LowBalanceEventDataCurrency, value)
