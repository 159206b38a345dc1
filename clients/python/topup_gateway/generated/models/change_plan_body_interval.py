from typing import Literal, cast

ChangePlanBodyInterval = Literal["month", "year"]


def check_change_plan_body_interval(value: str) -> ChangePlanBodyInterval:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ChangePlanBodyInterval, value)
