from typing import Literal, cast

NextAction = Literal["ask_human", "fix_request", "pay", "poll", "stop", "top_up", "wait"]


def check_next_action(value: str) -> NextAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(NextAction, value)
