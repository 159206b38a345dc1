from typing import Literal, cast

TopUpStoryAnswerCode = Literal[1001, 1002, 3001, 3005, 3007]


def check_top_up_story_answer_code(value: int) -> TopUpStoryAnswerCode:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopUpStoryAnswerCode, value)
