from typing import Literal, cast

PlatformPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_platform_page_answer_status(value: str) -> PlatformPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PlatformPageAnswerStatus, value)
