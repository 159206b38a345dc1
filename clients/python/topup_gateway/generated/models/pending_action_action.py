from typing import Literal, cast

PendingActionAction = Literal["cancel", "cancel_now", "change", "pause", "resume"]


def check_pending_action_action(value: str) -> PendingActionAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PendingActionAction, value)
