from typing import Literal, cast

Refund202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_refund_202_answer_status(value: str) -> Refund202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(Refund202AnswerStatus, value)
