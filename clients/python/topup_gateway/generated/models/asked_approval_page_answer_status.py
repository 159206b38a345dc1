from typing import Literal, cast

AskedApprovalPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_asked_approval_page_answer_status(value: str) -> AskedApprovalPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AskedApprovalPageAnswerStatus, value)
