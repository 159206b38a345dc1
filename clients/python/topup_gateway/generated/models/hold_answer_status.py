from typing import Literal, cast

HoldAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_hold_answer_status(value: str) -> HoldAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(HoldAnswerStatus, value)
