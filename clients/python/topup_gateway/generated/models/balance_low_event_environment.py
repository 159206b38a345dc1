from typing import Literal, cast

BalanceLowEventEnvironment = Literal["live", "staging"]


def check_balance_low_event_environment(value: str) -> BalanceLowEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BalanceLowEventEnvironment, value)
