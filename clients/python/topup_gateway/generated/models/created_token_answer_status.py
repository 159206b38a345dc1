from typing import Literal, cast

CreatedTokenAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_created_token_answer_status(value: str) -> CreatedTokenAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CreatedTokenAnswerStatus, value)
