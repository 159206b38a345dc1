from typing import Literal, cast

AccessTokenEnvironment = Literal["live", "staging"]


def check_access_token_environment(value: str) -> AccessTokenEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AccessTokenEnvironment, value)
