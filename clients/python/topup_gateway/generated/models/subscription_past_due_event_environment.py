from typing import Literal, cast

SubscriptionPastDueEventEnvironment = Literal["live", "staging"]


def check_subscription_past_due_event_environment(
    value: str,
) -> SubscriptionPastDueEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionPastDueEventEnvironment, value)
