from typing import Literal, cast

RestoredOrderEventDataStatus = Literal[
    "disputed", "expired", "failed", "paid", "partially_refunded", "pending", "refunded", "review"
]


def check_restored_order_event_data_status(value: str) -> RestoredOrderEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RestoredOrderEventDataStatus, value)
