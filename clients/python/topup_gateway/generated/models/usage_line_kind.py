from typing import Literal, cast

UsageLineKind = Literal["app", "hold", "usage"]


def check_usage_line_kind(value: str) -> UsageLineKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(UsageLineKind, value)
