from typing import Literal, cast

DisputePageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_dispute_page_answer_status(value: str) -> DisputePageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DisputePageAnswerStatus, value)
