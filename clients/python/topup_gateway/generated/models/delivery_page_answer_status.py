from typing import Literal, cast

DeliveryPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_delivery_page_answer_status(value: str) -> DeliveryPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DeliveryPageAnswerStatus, value)
