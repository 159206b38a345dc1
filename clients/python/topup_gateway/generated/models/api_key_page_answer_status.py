from typing import Literal, cast

ApiKeyPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_api_key_page_answer_status(value: str) -> ApiKeyPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApiKeyPageAnswerStatus, value)
