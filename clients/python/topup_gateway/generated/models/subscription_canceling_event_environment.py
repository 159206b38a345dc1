from typing import Literal, cast

SubscriptionCancelingEventEnvironment = Literal["live", "staging"]


def check_subscription_canceling_event_environment(
    value: str,
) -> SubscriptionCancelingEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionCancelingEventEnvironment, value)
