from typing import Literal, cast

UsageLinePageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_usage_line_page_answer_status(value: str) -> UsageLinePageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(UsageLinePageAnswerStatus, value)
