from typing import Literal, cast

EndpointWithSecretStatus = Literal["disabled", "enabled"]


def check_endpoint_with_secret_status(value: str) -> EndpointWithSecretStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EndpointWithSecretStatus, value)
