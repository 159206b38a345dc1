from typing import Literal, cast

ChangedHoldAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_changed_hold_answer_status(value: str) -> ChangedHoldAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ChangedHoldAnswerStatus, value)
