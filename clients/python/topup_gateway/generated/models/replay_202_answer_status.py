from typing import Literal, cast

Replay202AnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_replay_202_answer_status(value: str) -> Replay202AnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(Replay202AnswerStatus, value)
