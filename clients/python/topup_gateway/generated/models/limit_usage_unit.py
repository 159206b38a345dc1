from typing import Literal, cast

LimitUsageUnit = Literal["cents", "recipients", "sends"]


def check_limit_usage_unit(value: str) -> LimitUsageUnit:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(LimitUsageUnit, value)
