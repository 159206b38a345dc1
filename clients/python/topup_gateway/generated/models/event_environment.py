from typing import Literal, cast

EventEnvironment = Literal["live", "staging"]


def check_event_environment(value: str) -> EventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EventEnvironment, value)
