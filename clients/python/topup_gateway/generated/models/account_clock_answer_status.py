from typing import Literal, cast

AccountClockAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_account_clock_answer_status(value: str) -> AccountClockAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AccountClockAnswerStatus, value)
