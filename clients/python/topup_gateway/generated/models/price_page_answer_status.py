from typing import Literal, cast

PricePageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_price_page_answer_status(value: str) -> PricePageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PricePageAnswerStatus, value)
