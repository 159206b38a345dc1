from typing import Literal, cast

RechargeDisabledReasonType0 = Literal["dispute", "failures", "operator"]


def check_recharge_disabled_reason_type_0(value: str) -> RechargeDisabledReasonType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RechargeDisabledReasonType0, value)
