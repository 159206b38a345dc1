from typing import Literal, cast

SubscriptionStatus = Literal[
    "active", "cancelled", "expired", "incomplete", "past_due", "paused", "trialing"
]


def check_subscription_status(value: str) -> SubscriptionStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionStatus, value)
