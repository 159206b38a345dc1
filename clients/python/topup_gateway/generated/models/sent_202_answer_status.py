from typing import Literal, cast

Sent202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_sent_202_answer_status(value: str) -> Sent202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(Sent202AnswerStatus, value)
