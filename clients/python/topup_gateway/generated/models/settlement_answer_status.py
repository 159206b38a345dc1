from typing import Literal, cast

SettlementAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_settlement_answer_status(value: str) -> SettlementAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SettlementAnswerStatus, value)
