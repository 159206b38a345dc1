from typing import Literal, cast

RefundAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_refund_answer_status(value: str) -> RefundAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RefundAnswerStatus, value)
