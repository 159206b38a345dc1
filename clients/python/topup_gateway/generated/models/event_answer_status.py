from typing import Literal, cast

EventAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_event_answer_status(value: str) -> EventAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EventAnswerStatus, value)
