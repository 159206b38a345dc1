from typing import Literal, cast

WebhookHealthAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_webhook_health_answer_status(value: str) -> WebhookHealthAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(WebhookHealthAnswerStatus, value)
