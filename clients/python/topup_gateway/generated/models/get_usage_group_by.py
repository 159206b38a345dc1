from typing import Literal, cast

GetUsageGroupBy = Literal["day", "key", "model"]


def check_get_usage_group_by(value: str) -> GetUsageGroupBy:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetUsageGroupBy, value)
