from typing import Literal, cast

PackPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_pack_page_answer_status(value: str) -> PackPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PackPageAnswerStatus, value)
