from typing import Literal, cast

ReversedTopUpAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_reversed_top_up_answer_status(value: str) -> ReversedTopUpAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReversedTopUpAnswerStatus, value)
