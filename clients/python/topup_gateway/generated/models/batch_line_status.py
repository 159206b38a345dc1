from typing import Literal, cast

BatchLineStatus = Literal[
    "cancelled",
    "delivered",
    "dropped",
    "failed",
    "pending",
    "refused",
    "reversed",
    "reversing",
    "scheduled",
    "waiting",
]


def check_batch_line_status(value: str) -> BatchLineStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BatchLineStatus, value)
