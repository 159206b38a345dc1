from typing import Literal, cast

SentNextAction = Literal["poll"]


def check_sent_next_action(value: str) -> SentNextAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SentNextAction, value)
