from typing import Literal, cast

DecidedTopUpNextAction = Literal["poll"]


def check_decided_top_up_next_action(value: str) -> DecidedTopUpNextAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DecidedTopUpNextAction, value)
