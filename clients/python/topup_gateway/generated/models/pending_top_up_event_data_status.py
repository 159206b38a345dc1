from typing import Literal, cast

PendingTopUpEventDataStatus = Literal["pending"]


def check_pending_top_up_event_data_status(value: str) -> PendingTopUpEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PendingTopUpEventDataStatus, value)
