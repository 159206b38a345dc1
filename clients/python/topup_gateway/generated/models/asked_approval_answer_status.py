from typing import Literal, cast

AskedApprovalAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_asked_approval_answer_status(value: str) -> AskedApprovalAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AskedApprovalAnswerStatus, value)
