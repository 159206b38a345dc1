from typing import Literal, cast

CertifiedReceiverAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_certified_receiver_answer_status(value: str) -> CertifiedReceiverAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CertifiedReceiverAnswerStatus, value)
