from typing import Literal, cast

SucceededRechargeEventDataCurrency = Literal["USD"]


def check_succeeded_recharge_event_data_currency(value: str) -> SucceededRechargeEventDataCurrency:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SucceededRechargeEventDataCurrency, value)
