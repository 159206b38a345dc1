from typing import Literal, cast

ReplayAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_replay_answer_status(value: str) -> ReplayAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReplayAnswerStatus, value)
