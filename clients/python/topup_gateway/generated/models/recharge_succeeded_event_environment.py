from typing import Literal, cast

RechargeSucceededEventEnvironment = Literal["live", "staging"]


def check_recharge_succeeded_event_environment(value: str) -> RechargeSucceededEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RechargeSucceededEventEnvironment, value)
