from typing import Literal, cast

SubscriptionEventDataStatus = Literal[
    "active", "cancelled", "expired", "incomplete", "past_due", "paused", "trialing"
]


def check_subscription_event_data_status(value: str) -> SubscriptionEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionEventDataStatus, value)
