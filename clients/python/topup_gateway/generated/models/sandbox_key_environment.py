from typing import Literal, cast

SandboxKeyEnvironment = Literal["live", "staging"]


def check_sandbox_key_environment(value: str) -> SandboxKeyEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SandboxKeyEnvironment, value)
