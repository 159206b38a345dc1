from typing import Literal, cast

RefundPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_refund_page_answer_status(value: str) -> RefundPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RefundPageAnswerStatus, value)
