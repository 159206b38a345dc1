from typing import Literal, cast

AccessTokenAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_access_token_answer_status(value: str) -> AccessTokenAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AccessTokenAnswerStatus, value)
