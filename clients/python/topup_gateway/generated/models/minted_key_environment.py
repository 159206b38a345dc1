from typing import Literal, cast

MintedKeyEnvironment = Literal["live", "staging"]


def check_minted_key_environment(value: str) -> MintedKeyEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(MintedKeyEnvironment, value)
