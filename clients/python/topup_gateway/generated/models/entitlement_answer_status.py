from typing import Literal, cast

EntitlementAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_entitlement_answer_status(value: str) -> EntitlementAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EntitlementAnswerStatus, value)
