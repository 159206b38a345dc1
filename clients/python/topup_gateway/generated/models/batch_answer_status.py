from typing import Literal, cast

BatchAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_batch_answer_status(value: str) -> BatchAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BatchAnswerStatus, value)
