from typing import Literal, cast

DisputeOpenedEventEnvironment = Literal["live", "staging"]


def check_dispute_opened_event_environment(value: str) -> DisputeOpenedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DisputeOpenedEventEnvironment, value)
