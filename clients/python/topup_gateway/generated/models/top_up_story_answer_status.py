from typing import Literal, cast

TopUpStoryAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_top_up_story_answer_status(value: str) -> TopUpStoryAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopUpStoryAnswerStatus, value)
