from typing import Literal, cast

ReplayStatus = Literal["cancelled", "done", "paused", "running"]


def check_replay_status(value: str) -> ReplayStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReplayStatus, value)
