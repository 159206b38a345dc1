from typing import Literal, cast

CancelPlanBodyAt = Literal["now", "period_end"]


def check_cancel_plan_body_at(value: str) -> CancelPlanBodyAt:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CancelPlanBodyAt, value)
