from typing import Literal, cast

StatementAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_statement_answer_status(value: str) -> StatementAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(StatementAnswerStatus, value)
