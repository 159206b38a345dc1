from typing import Literal, cast

KeyCreatedEventEnvironment = Literal["live", "staging"]


def check_key_created_event_environment(value: str) -> KeyCreatedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(KeyCreatedEventEnvironment, value)
