from typing import Literal, cast

Subscription202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_subscription_202_answer_status(value: str) -> Subscription202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(Subscription202AnswerStatus, value)
