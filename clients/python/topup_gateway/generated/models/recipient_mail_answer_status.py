from typing import Literal, cast

RecipientMailAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_recipient_mail_answer_status(value: str) -> RecipientMailAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RecipientMailAnswerStatus, value)
