from typing import Literal, cast

GetOrdersFormat = Literal["csv", "csv_excel", "json"]


def check_get_orders_format(value: str) -> GetOrdersFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetOrdersFormat, value)
