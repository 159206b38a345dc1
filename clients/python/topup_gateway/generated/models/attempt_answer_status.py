from typing import Literal, cast

AttemptAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_attempt_answer_status(value: str) -> AttemptAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AttemptAnswerStatus, value)
