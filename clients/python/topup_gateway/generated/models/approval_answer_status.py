from typing import Literal, cast

ApprovalAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_approval_answer_status(value: str) -> ApprovalAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalAnswerStatus, value)
