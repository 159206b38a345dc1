from typing import Literal, cast

BatchCompletedEventEnvironment = Literal["live", "staging"]


def check_batch_completed_event_environment(value: str) -> BatchCompletedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BatchCompletedEventEnvironment, value)
