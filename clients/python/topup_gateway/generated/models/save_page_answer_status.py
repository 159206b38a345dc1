from typing import Literal, cast

SavePageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_save_page_answer_status(value: str) -> SavePageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SavePageAnswerStatus, value)
