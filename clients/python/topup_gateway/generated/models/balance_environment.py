from typing import Literal, cast

BalanceEnvironment = Literal["live", "staging"]


def check_balance_environment(value: str) -> BalanceEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BalanceEnvironment, value)
