from typing import Literal, cast

EndpointTestEventEnvironment = Literal["live", "staging"]


def check_endpoint_test_event_environment(value: str) -> EndpointTestEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EndpointTestEventEnvironment, value)
