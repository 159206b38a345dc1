from typing import Literal, cast

TopupFailedEventEnvironment = Literal["live", "staging"]


def check_topup_failed_event_environment(value: str) -> TopupFailedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopupFailedEventEnvironment, value)
