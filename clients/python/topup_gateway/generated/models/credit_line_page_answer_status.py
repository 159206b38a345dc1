from typing import Literal, cast

CreditLinePageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_credit_line_page_answer_status(value: str) -> CreditLinePageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CreditLinePageAnswerStatus, value)
