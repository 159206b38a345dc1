from typing import Literal, cast

PendingSteerIntervalType0 = Literal["month", "year"]


def check_pending_steer_interval_type_0(value: str) -> PendingSteerIntervalType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PendingSteerIntervalType0, value)
