from typing import Literal, cast

SettledTopUpAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_settled_top_up_answer_status(value: str) -> SettledTopUpAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SettledTopUpAnswerStatus, value)
