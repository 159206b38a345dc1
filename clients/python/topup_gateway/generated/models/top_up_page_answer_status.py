from typing import Literal, cast

TopUpPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_top_up_page_answer_status(value: str) -> TopUpPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopUpPageAnswerStatus, value)
