from typing import Literal, cast

GetDeliveriesStatus = Literal["cancelled", "delivered", "failed", "pending", "sending"]


def check_get_deliveries_status(value: str) -> GetDeliveriesStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetDeliveriesStatus, value)
