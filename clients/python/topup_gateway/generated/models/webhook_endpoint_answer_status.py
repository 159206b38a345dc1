from typing import Literal, cast

WebhookEndpointAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_webhook_endpoint_answer_status(value: str) -> WebhookEndpointAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(WebhookEndpointAnswerStatus, value)
