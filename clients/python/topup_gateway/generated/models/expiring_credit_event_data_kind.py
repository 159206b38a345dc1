from typing import Literal, cast

ExpiringCreditEventDataKind = Literal["plan", "promotional"]


def check_expiring_credit_event_data_kind(value: str) -> ExpiringCreditEventDataKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ExpiringCreditEventDataKind, value)
