from typing import Literal, cast

LimitStandingCap = Literal[
    "account_per_day", "lifetime", "per_day", "per_month", "sends_per_hour", "window"
]


def check_limit_standing_cap(value: str) -> LimitStandingCap:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(LimitStandingCap, value)
