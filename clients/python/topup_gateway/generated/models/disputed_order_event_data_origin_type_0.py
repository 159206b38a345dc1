from typing import Literal, cast

DisputedOrderEventDataOriginType0 = Literal["recharge"]


def check_disputed_order_event_data_origin_type_0(value: str) -> DisputedOrderEventDataOriginType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DisputedOrderEventDataOriginType0, value)
