from typing import Literal, cast

KeyTreeAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_key_tree_answer_status(value: str) -> KeyTreeAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(KeyTreeAnswerStatus, value)
