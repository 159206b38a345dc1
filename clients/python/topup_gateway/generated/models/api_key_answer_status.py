from typing import Literal, cast

ApiKeyAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_api_key_answer_status(value: str) -> ApiKeyAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApiKeyAnswerStatus, value)
