from typing import Literal, cast

ExpiredCreditEventDataKind = Literal["plan", "promotional"]


def check_expired_credit_event_data_kind(value: str) -> ExpiredCreditEventDataKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ExpiredCreditEventDataKind, value)
