from typing import Literal, cast

DeliveredTopUpEventDataStatus = Literal["delivered"]


def check_delivered_top_up_event_data_status(value: str) -> DeliveredTopUpEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DeliveredTopUpEventDataStatus, value)
