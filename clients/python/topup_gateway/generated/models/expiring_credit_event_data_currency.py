from typing import Literal, cast

ExpiringCreditEventDataCurrency = Literal["USD"]


def check_expiring_credit_event_data_currency(value: str) -> ExpiringCreditEventDataCurrency:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ExpiringCreditEventDataCurrency, value)
