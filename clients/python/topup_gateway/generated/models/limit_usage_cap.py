from typing import Literal, cast

LimitUsageCap = Literal[
    "account_per_day",
    "lifetime",
    "per_day",
    "per_month",
    "recipients_per_week",
    "sends_per_hour",
    "window",
]


def check_limit_usage_cap(value: str) -> LimitUsageCap:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(LimitUsageCap, value)
