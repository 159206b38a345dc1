from typing import Literal, cast

SubscriptionStartedEventEnvironment = Literal["live", "staging"]


def check_subscription_started_event_environment(value: str) -> SubscriptionStartedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionStartedEventEnvironment, value)
