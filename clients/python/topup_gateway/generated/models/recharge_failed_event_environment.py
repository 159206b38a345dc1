from typing import Literal, cast

RechargeFailedEventEnvironment = Literal["live", "staging"]


def check_recharge_failed_event_environment(value: str) -> RechargeFailedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RechargeFailedEventEnvironment, value)
