from typing import Literal, cast

EndpointDisabledEventEnvironment = Literal["live", "staging"]


def check_endpoint_disabled_event_environment(value: str) -> EndpointDisabledEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EndpointDisabledEventEnvironment, value)
