from typing import Literal, cast

FailedRechargeEventDataCurrency = Literal["USD"]


def check_failed_recharge_event_data_currency(value: str) -> FailedRechargeEventDataCurrency:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(FailedRechargeEventDataCurrency, value)
