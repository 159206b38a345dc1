from typing import Literal, cast

WebhooksPatchBodyStatus = Literal["disabled", "enabled"]


def check_webhooks_patch_body_status(value: str) -> WebhooksPatchBodyStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(WebhooksPatchBodyStatus, value)
