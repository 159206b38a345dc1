from typing import Literal, cast

CliLoginAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_cli_login_answer_status(value: str) -> CliLoginAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CliLoginAnswerStatus, value)
