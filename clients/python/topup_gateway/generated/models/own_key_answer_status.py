from typing import Literal, cast

OwnKeyAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_own_key_answer_status(value: str) -> OwnKeyAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OwnKeyAnswerStatus, value)
