from typing import Literal, cast

BillingDetailsAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_billing_details_answer_status(value: str) -> BillingDetailsAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BillingDetailsAnswerStatus, value)
