from typing import Literal, cast

PaymentMethodsAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_payment_methods_answer_status(value: str) -> PaymentMethodsAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PaymentMethodsAnswerStatus, value)
