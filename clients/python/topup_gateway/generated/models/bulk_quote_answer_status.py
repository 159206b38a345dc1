from typing import Literal, cast

BulkQuoteAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_bulk_quote_answer_status(value: str) -> BulkQuoteAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BulkQuoteAnswerStatus, value)
