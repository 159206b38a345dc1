from typing import Literal, cast

ApiKeyEnvironment = Literal["live", "staging"]


def check_api_key_environment(value: str) -> ApiKeyEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApiKeyEnvironment, value)
