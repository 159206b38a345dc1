from typing import Literal, cast

RefundedOrderEventDataStatus = Literal[
    "disputed", "expired", "failed", "paid", "partially_refunded", "pending", "refunded", "review"
]


def check_refunded_order_event_data_status(value: str) -> RefundedOrderEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RefundedOrderEventDataStatus, value)
