from typing import Literal, cast

ReplayPausedReasonType0 = Literal["failing"]


def check_replay_paused_reason_type_0(value: str) -> ReplayPausedReasonType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReplayPausedReasonType0, value)
