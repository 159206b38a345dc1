from typing import Literal, cast

QuoteAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_quote_answer_status(value: str) -> QuoteAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(QuoteAnswerStatus, value)
