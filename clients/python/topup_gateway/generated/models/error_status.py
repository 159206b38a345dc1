from typing import Literal, cast

ErrorStatus = Literal[
    "cancelled", "delivered", "error", "failed", "pending", "reversed", "reversing", "scheduled"
]


def check_error_status(value: str) -> ErrorStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ErrorStatus, value)
