from typing import Literal, cast

PlanChangeAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_plan_change_answer_status(value: str) -> PlanChangeAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PlanChangeAnswerStatus, value)
