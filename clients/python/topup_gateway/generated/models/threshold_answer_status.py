from typing import Literal, cast

ThresholdAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_threshold_answer_status(value: str) -> ThresholdAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ThresholdAnswerStatus, value)
