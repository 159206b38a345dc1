from typing import Literal, cast

CliLoginPending202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_cli_login_pending_202_answer_status(value: str) -> CliLoginPending202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CliLoginPending202AnswerStatus, value)
