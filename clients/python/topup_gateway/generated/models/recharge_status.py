from typing import Literal, cast

RechargeStatus = Literal["off", "on"]


def check_recharge_status(value: str) -> RechargeStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RechargeStatus, value)
