from typing import Literal, cast

AcceptedBatch202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_accepted_batch_202_answer_status(value: str) -> AcceptedBatch202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AcceptedBatch202AnswerStatus, value)
