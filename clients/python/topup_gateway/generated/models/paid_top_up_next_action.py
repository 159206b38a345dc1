from typing import Literal, cast

PaidTopUpNextAction = Literal["poll"]


def check_paid_top_up_next_action(value: str) -> PaidTopUpNextAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PaidTopUpNextAction, value)
