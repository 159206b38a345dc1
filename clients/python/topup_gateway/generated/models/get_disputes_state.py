from typing import Literal, cast

GetDisputesState = Literal["ended", "open"]


def check_get_disputes_state(value: str) -> GetDisputesState:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetDisputesState, value)
