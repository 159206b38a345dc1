from typing import Literal, cast

SentAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_sent_answer_status(value: str) -> SentAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SentAnswerStatus, value)
