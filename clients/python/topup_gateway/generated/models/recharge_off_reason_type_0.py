from typing import Literal, cast

RechargeOffReasonType0 = Literal["dispute", "failures", "operator"]


def check_recharge_off_reason_type_0(value: str) -> RechargeOffReasonType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RechargeOffReasonType0, value)
