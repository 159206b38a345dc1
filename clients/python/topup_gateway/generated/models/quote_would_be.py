from typing import Literal, cast

QuoteWouldBe = Literal["approval_required", "delivered", "pending", "replayed", "scheduled"]


def check_quote_would_be(value: str) -> QuoteWouldBe:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(QuoteWouldBe, value)
