from typing import Literal, cast

SubscriptionNextIntervalType0 = Literal["month", "year"]


def check_subscription_next_interval_type_0(value: str) -> SubscriptionNextIntervalType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionNextIntervalType0, value)
