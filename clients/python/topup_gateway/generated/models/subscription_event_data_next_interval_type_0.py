from typing import Literal, cast

SubscriptionEventDataNextIntervalType0 = Literal["month", "year"]


def check_subscription_event_data_next_interval_type_0(
    value: str,
) -> SubscriptionEventDataNextIntervalType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionEventDataNextIntervalType0, value)
