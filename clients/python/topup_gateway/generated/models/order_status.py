from typing import Literal, cast

OrderStatus = Literal[
    "disputed", "expired", "failed", "paid", "partially_refunded", "pending", "refunded", "review"
]


def check_order_status(value: str) -> OrderStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderStatus, value)
