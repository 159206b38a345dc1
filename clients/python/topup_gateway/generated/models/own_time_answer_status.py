from typing import Literal, cast

OwnTimeAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_own_time_answer_status(value: str) -> OwnTimeAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OwnTimeAnswerStatus, value)
