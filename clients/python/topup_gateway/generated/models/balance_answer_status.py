from typing import Literal, cast

BalanceAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_balance_answer_status(value: str) -> BalanceAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BalanceAnswerStatus, value)
