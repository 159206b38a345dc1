from typing import Literal, cast

OrderAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_order_answer_status(value: str) -> OrderAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderAnswerStatus, value)
