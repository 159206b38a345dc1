from typing import Literal, cast

SubscriptionEndedEventEnvironment = Literal["live", "staging"]


def check_subscription_ended_event_environment(value: str) -> SubscriptionEndedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionEndedEventEnvironment, value)
