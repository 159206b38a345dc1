from typing import Literal, cast

OwnKeyEnvironment = Literal["live", "staging"]


def check_own_key_environment(value: str) -> OwnKeyEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OwnKeyEnvironment, value)
