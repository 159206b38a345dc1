from typing import Literal, cast

RestoredOrderEventDataOriginType0 = Literal["recharge"]


def check_restored_order_event_data_origin_type_0(value: str) -> RestoredOrderEventDataOriginType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RestoredOrderEventDataOriginType0, value)
