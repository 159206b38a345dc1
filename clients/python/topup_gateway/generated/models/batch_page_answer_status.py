from typing import Literal, cast

BatchPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_batch_page_answer_status(value: str) -> BatchPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BatchPageAnswerStatus, value)
