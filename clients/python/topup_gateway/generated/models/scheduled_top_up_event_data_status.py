from typing import Literal, cast

ScheduledTopUpEventDataStatus = Literal["scheduled"]


def check_scheduled_top_up_event_data_status(value: str) -> ScheduledTopUpEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ScheduledTopUpEventDataStatus, value)
