from typing import Literal, cast

KeyCapNearEventEnvironment = Literal["live", "staging"]


def check_key_cap_near_event_environment(value: str) -> KeyCapNearEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(KeyCapNearEventEnvironment, value)
