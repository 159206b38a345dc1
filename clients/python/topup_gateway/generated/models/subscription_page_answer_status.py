from typing import Literal, cast

SubscriptionPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_subscription_page_answer_status(value: str) -> SubscriptionPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionPageAnswerStatus, value)
