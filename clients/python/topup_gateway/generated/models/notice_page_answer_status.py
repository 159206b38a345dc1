from typing import Literal, cast

NoticePageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_notice_page_answer_status(value: str) -> NoticePageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(NoticePageAnswerStatus, value)
