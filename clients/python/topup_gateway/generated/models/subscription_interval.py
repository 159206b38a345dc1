from typing import Literal, cast

SubscriptionInterval = Literal["month", "year"]


def check_subscription_interval(value: str) -> SubscriptionInterval:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionInterval, value)
