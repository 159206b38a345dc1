from typing import Literal, cast

FailedTopUpEventDataStatus = Literal["failed"]


def check_failed_top_up_event_data_status(value: str) -> FailedTopUpEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(FailedTopUpEventDataStatus, value)
