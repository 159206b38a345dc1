from typing import Literal, cast

AccessTokenPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_access_token_page_answer_status(value: str) -> AccessTokenPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AccessTokenPageAnswerStatus, value)
