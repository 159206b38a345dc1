from typing import Literal, cast

PaidTopUpAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_paid_top_up_answer_status(value: str) -> PaidTopUpAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PaidTopUpAnswerStatus, value)
