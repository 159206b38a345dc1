from typing import Literal, cast

DecidedTopUpAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_decided_top_up_answer_status(value: str) -> DecidedTopUpAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DecidedTopUpAnswerStatus, value)
