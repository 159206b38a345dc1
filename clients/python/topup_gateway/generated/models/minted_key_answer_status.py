from typing import Literal, cast

MintedKeyAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_minted_key_answer_status(value: str) -> MintedKeyAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(MintedKeyAnswerStatus, value)
