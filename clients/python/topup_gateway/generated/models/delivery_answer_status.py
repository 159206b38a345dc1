from typing import Literal, cast

DeliveryAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_delivery_answer_status(value: str) -> DeliveryAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DeliveryAnswerStatus, value)
