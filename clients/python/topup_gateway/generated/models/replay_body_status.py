from typing import Literal, cast

ReplayBodyStatus = Literal["delivered", "failed"]


def check_replay_body_status(value: str) -> ReplayBodyStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReplayBodyStatus, value)
