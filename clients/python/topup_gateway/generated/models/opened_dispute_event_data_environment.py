from typing import Literal, cast

OpenedDisputeEventDataEnvironment = Literal["live", "staging"]


def check_opened_dispute_event_data_environment(value: str) -> OpenedDisputeEventDataEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OpenedDisputeEventDataEnvironment, value)
