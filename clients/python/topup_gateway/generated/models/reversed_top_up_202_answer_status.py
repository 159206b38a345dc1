from typing import Literal, cast

ReversedTopUp202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_reversed_top_up_202_answer_status(value: str) -> ReversedTopUp202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReversedTopUp202AnswerStatus, value)
