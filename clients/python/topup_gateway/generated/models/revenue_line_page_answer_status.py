from typing import Literal, cast

RevenueLinePageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_revenue_line_page_answer_status(value: str) -> RevenueLinePageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RevenueLinePageAnswerStatus, value)
