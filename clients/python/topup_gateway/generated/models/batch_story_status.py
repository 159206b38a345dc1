from typing import Literal, cast

BatchStoryStatus = Literal["accepting", "completed", "refused", "running"]


def check_batch_story_status(value: str) -> BatchStoryStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BatchStoryStatus, value)
