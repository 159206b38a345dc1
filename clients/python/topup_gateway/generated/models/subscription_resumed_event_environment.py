from typing import Literal, cast

SubscriptionResumedEventEnvironment = Literal["live", "staging"]


def check_subscription_resumed_event_environment(value: str) -> SubscriptionResumedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionResumedEventEnvironment, value)
