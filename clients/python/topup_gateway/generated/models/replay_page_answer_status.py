from typing import Literal, cast

ReplayPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_replay_page_answer_status(value: str) -> ReplayPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReplayPageAnswerStatus, value)
