from typing import Literal, cast

ClaimedTopUpEventDataStatus = Literal["delivered"]


def check_claimed_top_up_event_data_status(value: str) -> ClaimedTopUpEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ClaimedTopUpEventDataStatus, value)
