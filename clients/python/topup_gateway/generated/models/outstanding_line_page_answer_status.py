from typing import Literal, cast

OutstandingLinePageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_outstanding_line_page_answer_status(value: str) -> OutstandingLinePageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OutstandingLinePageAnswerStatus, value)
