from typing import Literal, cast

SubscriptionPausedEventEnvironment = Literal["live", "staging"]


def check_subscription_paused_event_environment(value: str) -> SubscriptionPausedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionPausedEventEnvironment, value)
