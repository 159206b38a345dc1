from typing import Literal, cast

TopUpReceiptAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_top_up_receipt_answer_status(value: str) -> TopUpReceiptAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopUpReceiptAnswerStatus, value)
