from typing import Literal, cast

CreatedKeyEnvironment = Literal["live", "staging"]


def check_created_key_environment(value: str) -> CreatedKeyEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CreatedKeyEnvironment, value)
