from typing import Literal, cast

ReversedTopUpEventDataStatus = Literal["reversed"]


def check_reversed_top_up_event_data_status(value: str) -> ReversedTopUpEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReversedTopUpEventDataStatus, value)
