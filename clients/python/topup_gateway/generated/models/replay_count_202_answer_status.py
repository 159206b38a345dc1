from typing import Literal, cast

ReplayCount202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_replay_count_202_answer_status(value: str) -> ReplayCount202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ReplayCount202AnswerStatus, value)
