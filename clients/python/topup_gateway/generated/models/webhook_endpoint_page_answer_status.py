from typing import Literal, cast

WebhookEndpointPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_webhook_endpoint_page_answer_status(value: str) -> WebhookEndpointPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(WebhookEndpointPageAnswerStatus, value)
