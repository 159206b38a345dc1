from typing import Literal, cast

ApprovalPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_approval_page_answer_status(value: str) -> ApprovalPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalPageAnswerStatus, value)
