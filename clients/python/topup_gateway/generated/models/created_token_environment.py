from typing import Literal, cast

CreatedTokenEnvironment = Literal["live", "staging"]


def check_created_token_environment(value: str) -> CreatedTokenEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CreatedTokenEnvironment, value)
