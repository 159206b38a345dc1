from typing import Literal, cast

BatchStoryAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_batch_story_answer_status(value: str) -> BatchStoryAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BatchStoryAnswerStatus, value)
