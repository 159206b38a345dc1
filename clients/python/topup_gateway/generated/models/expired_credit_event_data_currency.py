from typing import Literal, cast

ExpiredCreditEventDataCurrency = Literal["USD"]


def check_expired_credit_event_data_currency(value: str) -> ExpiredCreditEventDataCurrency:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ExpiredCreditEventDataCurrency, value)
