from typing import Literal, cast

MadeTokenAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_made_token_answer_status(value: str) -> MadeTokenAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(MadeTokenAnswerStatus, value)
