from typing import Literal, cast

CapUsedEventDataCap = Literal[
    "account_per_day",
    "lifetime",
    "per_day",
    "per_month",
    "recipients_per_week",
    "sends_per_hour",
    "window",
]


def check_cap_used_event_data_cap(value: str) -> CapUsedEventDataCap:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CapUsedEventDataCap, value)
