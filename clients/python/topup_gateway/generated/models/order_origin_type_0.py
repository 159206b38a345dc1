from typing import Literal, cast

OrderOriginType0 = Literal["recharge"]


def check_order_origin_type_0(value: str) -> OrderOriginType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderOriginType0, value)
