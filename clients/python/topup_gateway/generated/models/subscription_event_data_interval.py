from typing import Literal, cast

SubscriptionEventDataInterval = Literal["month", "year"]


def check_subscription_event_data_interval(value: str) -> SubscriptionEventDataInterval:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionEventDataInterval, value)
