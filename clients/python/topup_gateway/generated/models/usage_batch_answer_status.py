from typing import Literal, cast

UsageBatchAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_usage_batch_answer_status(value: str) -> UsageBatchAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(UsageBatchAnswerStatus, value)
