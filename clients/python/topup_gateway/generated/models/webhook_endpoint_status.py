from typing import Literal, cast

WebhookEndpointStatus = Literal["disabled", "enabled"]


def check_webhook_endpoint_status(value: str) -> WebhookEndpointStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(WebhookEndpointStatus, value)
