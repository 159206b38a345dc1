from typing import Literal, cast

CancelledTopUpEventDataStatus = Literal["cancelled"]


def check_cancelled_top_up_event_data_status(value: str) -> CancelledTopUpEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CancelledTopUpEventDataStatus, value)
