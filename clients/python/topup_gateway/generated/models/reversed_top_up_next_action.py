from typing import Literal, cast

ReversedTopUpNextAction = Literal["poll"]


def check_reversed_top_up_next_action(value: str) -> ReversedTopUpNextAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReversedTopUpNextAction, value)
