from typing import Literal, cast

SealedDayEnvironment = Literal["live", "staging"]


def check_sealed_day_environment(value: str) -> SealedDayEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SealedDayEnvironment, value)
