from typing import Literal, cast

PaidTopUp202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_paid_top_up_202_answer_status(value: str) -> PaidTopUp202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PaidTopUp202AnswerStatus, value)
