from typing import Literal, cast

OrderPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_order_page_answer_status(value: str) -> OrderPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderPageAnswerStatus, value)
