from typing import Literal, cast

DisputedOrderEventDataStatus = Literal[
    "disputed", "expired", "failed", "paid", "partially_refunded", "pending", "refunded", "review"
]


def check_disputed_order_event_data_status(value: str) -> DisputedOrderEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DisputedOrderEventDataStatus, value)
