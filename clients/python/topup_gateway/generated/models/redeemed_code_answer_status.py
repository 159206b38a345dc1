from typing import Literal, cast

RedeemedCodeAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_redeemed_code_answer_status(value: str) -> RedeemedCodeAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RedeemedCodeAnswerStatus, value)
