from typing import Literal, cast

Delivery202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_delivery_202_answer_status(value: str) -> Delivery202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(Delivery202AnswerStatus, value)
