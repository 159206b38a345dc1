from typing import Literal, cast

EventPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_event_page_answer_status(value: str) -> EventPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EventPageAnswerStatus, value)
