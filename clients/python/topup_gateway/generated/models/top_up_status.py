from typing import Literal, cast

TopUpStatus = Literal[
    "cancelled", "delivered", "failed", "pending", "reversed", "reversing", "scheduled"
]


def check_top_up_status(value: str) -> TopUpStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopUpStatus, value)
