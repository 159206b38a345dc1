from typing import Literal, cast

KeyRevokedEventEnvironment = Literal["live", "staging"]


def check_key_revoked_event_environment(value: str) -> KeyRevokedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(KeyRevokedEventEnvironment, value)
