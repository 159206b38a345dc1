from typing import Literal, cast

PlanChangeInterval = Literal["month", "year"]


def check_plan_change_interval(value: str) -> PlanChangeInterval:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PlanChangeInterval, value)
