from typing import Literal, cast

SentForApproval202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_sent_for_approval_202_answer_status(value: str) -> SentForApproval202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SentForApproval202AnswerStatus, value)
