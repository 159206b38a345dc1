from typing import Literal, cast

UsageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_usage_answer_status(value: str) -> UsageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(UsageAnswerStatus, value)
