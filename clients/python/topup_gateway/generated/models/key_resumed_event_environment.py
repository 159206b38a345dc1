from typing import Literal, cast

KeyResumedEventEnvironment = Literal["live", "staging"]


def check_key_resumed_event_environment(value: str) -> KeyResumedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(KeyResumedEventEnvironment, value)
