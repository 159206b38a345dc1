from typing import Literal, cast

RechargeAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_recharge_answer_status(value: str) -> RechargeAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RechargeAnswerStatus, value)
