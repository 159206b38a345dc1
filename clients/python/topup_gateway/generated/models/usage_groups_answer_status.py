from typing import Literal, cast

UsageGroupsAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_usage_groups_answer_status(value: str) -> UsageGroupsAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(UsageGroupsAnswerStatus, value)
