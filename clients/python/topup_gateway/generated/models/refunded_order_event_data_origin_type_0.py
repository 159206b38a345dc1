from typing import Literal, cast

RefundedOrderEventDataOriginType0 = Literal["recharge"]


def check_refunded_order_event_data_origin_type_0(value: str) -> RefundedOrderEventDataOriginType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RefundedOrderEventDataOriginType0, value)
