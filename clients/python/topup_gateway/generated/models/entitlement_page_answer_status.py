from typing import Literal, cast

EntitlementPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_entitlement_page_answer_status(value: str) -> EntitlementPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EntitlementPageAnswerStatus, value)
