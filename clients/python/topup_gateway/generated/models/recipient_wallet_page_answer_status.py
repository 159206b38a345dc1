from typing import Literal, cast

RecipientWalletPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_recipient_wallet_page_answer_status(value: str) -> RecipientWalletPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RecipientWalletPageAnswerStatus, value)
