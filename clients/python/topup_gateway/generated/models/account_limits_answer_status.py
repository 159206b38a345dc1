from typing import Literal, cast

AccountLimitsAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_account_limits_answer_status(value: str) -> AccountLimitsAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AccountLimitsAnswerStatus, value)
