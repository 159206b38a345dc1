from typing import Literal, cast

GetSubscriptionsSubscriptionIdChangeInterval = Literal["month", "year"]


def check_get_subscriptions_subscription_id_change_interval(
    value: str,
) -> GetSubscriptionsSubscriptionIdChangeInterval:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetSubscriptionsSubscriptionIdChangeInterval, value)
