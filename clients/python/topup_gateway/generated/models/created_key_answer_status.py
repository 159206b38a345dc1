from typing import Literal, cast

CreatedKeyAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_created_key_answer_status(value: str) -> CreatedKeyAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CreatedKeyAnswerStatus, value)
