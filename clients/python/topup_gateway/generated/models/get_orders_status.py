from typing import Literal, cast

GetOrdersStatus = Literal[
    "disputed", "expired", "failed", "paid", "partially_refunded", "pending", "refunded", "review"
]


def check_get_orders_status(value: str) -> GetOrdersStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetOrdersStatus, value)
