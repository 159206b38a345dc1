from typing import Literal, cast

OrderEventDataOriginType0 = Literal["recharge"]


def check_order_event_data_origin_type_0(value: str) -> OrderEventDataOriginType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderEventDataOriginType0, value)
