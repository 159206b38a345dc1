from typing import Literal, cast

ShownHealthAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_shown_health_answer_status(value: str) -> ShownHealthAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ShownHealthAnswerStatus, value)
