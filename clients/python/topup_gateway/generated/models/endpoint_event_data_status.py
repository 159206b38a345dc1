from typing import Literal, cast

EndpointEventDataStatus = Literal["disabled", "enabled"]


def check_endpoint_event_data_status(value: str) -> EndpointEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EndpointEventDataStatus, value)
