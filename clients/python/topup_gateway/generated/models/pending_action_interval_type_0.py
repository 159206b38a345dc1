from typing import Literal, cast

PendingActionIntervalType0 = Literal["month", "year"]


def check_pending_action_interval_type_0(value: str) -> PendingActionIntervalType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PendingActionIntervalType0, value)
