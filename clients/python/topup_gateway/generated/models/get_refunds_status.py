from typing import Literal, cast

GetRefundsStatus = Literal["failed", "pending", "requested", "succeeded", "unknown"]


def check_get_refunds_status(value: str) -> GetRefundsStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetRefundsStatus, value)
