from typing import Literal, cast

LimitStandingUnit = Literal["cents", "sends"]


def check_limit_standing_unit(value: str) -> LimitStandingUnit:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(LimitStandingUnit, value)
