from typing import Literal, cast

SubscriptionAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_subscription_answer_status(value: str) -> SubscriptionAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SubscriptionAnswerStatus, value)
