from typing import Literal, cast

PendingSteerAct = Literal["cancel", "cancel_now", "change", "pause", "resume"]


def check_pending_steer_act(value: str) -> PendingSteerAct:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PendingSteerAct, value)
