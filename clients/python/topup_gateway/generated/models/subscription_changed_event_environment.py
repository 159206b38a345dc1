from typing import Literal, cast

SubscriptionChangedEventEnvironment = Literal["live", "staging"]


def check_subscription_changed_event_environment(value: str) -> SubscriptionChangedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionChangedEventEnvironment, value)
