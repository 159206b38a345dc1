from typing import Literal, cast

TopupCancelledEventEnvironment = Literal["live", "staging"]


def check_topup_cancelled_event_environment(value: str) -> TopupCancelledEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopupCancelledEventEnvironment, value)
