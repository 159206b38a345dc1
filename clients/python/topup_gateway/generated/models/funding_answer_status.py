from typing import Literal, cast

FundingAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_funding_answer_status(value: str) -> FundingAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(FundingAnswerStatus, value)
