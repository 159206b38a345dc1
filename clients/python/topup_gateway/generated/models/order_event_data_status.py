from typing import Literal, cast

OrderEventDataStatus = Literal[
    "disputed", "expired", "failed", "paid", "partially_refunded", "pending", "refunded", "review"
]


def check_order_event_data_status(value: str) -> OrderEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderEventDataStatus, value)
