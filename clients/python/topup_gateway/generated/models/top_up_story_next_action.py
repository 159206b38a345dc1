from typing import Literal, cast

TopUpStoryNextAction = Literal["poll"]


def check_top_up_story_next_action(value: str) -> TopUpStoryNextAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopUpStoryNextAction, value)
