from typing import Literal, cast

DeliveryWithAttemptsAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_delivery_with_attempts_answer_status(value: str) -> DeliveryWithAttemptsAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DeliveryWithAttemptsAnswerStatus, value)
