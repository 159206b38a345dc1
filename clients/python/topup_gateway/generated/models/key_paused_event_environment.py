from typing import Literal, cast

KeyPausedEventEnvironment = Literal["live", "staging"]


def check_key_paused_event_environment(value: str) -> KeyPausedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(KeyPausedEventEnvironment, value)
