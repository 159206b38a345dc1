from typing import Literal, cast

FreePeriodAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_free_period_answer_status(value: str) -> FreePeriodAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(FreePeriodAnswerStatus, value)
