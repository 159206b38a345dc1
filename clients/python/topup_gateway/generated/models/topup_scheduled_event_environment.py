from typing import Literal, cast

TopupScheduledEventEnvironment = Literal["live", "staging"]


def check_topup_scheduled_event_environment(value: str) -> TopupScheduledEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopupScheduledEventEnvironment, value)
