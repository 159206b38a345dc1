from typing import Literal, cast

UsageGroupsGroupBy = Literal["day", "key", "model"]


def check_usage_groups_group_by(value: str) -> UsageGroupsGroupBy:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(UsageGroupsGroupBy, value)
