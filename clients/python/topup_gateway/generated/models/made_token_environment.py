from typing import Literal, cast

MadeTokenEnvironment = Literal["live", "staging"]


def check_made_token_environment(value: str) -> MadeTokenEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(MadeTokenEnvironment, value)
