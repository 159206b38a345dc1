from typing import Literal, cast

KeyCapReachedEventEnvironment = Literal["live", "staging"]


def check_key_cap_reached_event_environment(value: str) -> KeyCapReachedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(KeyCapReachedEventEnvironment, value)
