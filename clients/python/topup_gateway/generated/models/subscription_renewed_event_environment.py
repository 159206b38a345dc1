from typing import Literal, cast

SubscriptionRenewedEventEnvironment = Literal["live", "staging"]


def check_subscription_renewed_event_environment(value: str) -> SubscriptionRenewedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionRenewedEventEnvironment, value)
