from typing import Literal, cast

VerificationAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_verification_answer_status(value: str) -> VerificationAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(VerificationAnswerStatus, value)
