from typing import Literal, cast

SubscriptionActivatedEventEnvironment = Literal["live", "staging"]


def check_subscription_activated_event_environment(
    value: str,
) -> SubscriptionActivatedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionActivatedEventEnvironment, value)
