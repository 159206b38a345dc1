from typing import Literal, cast

GetDeliveriesFormat = Literal["csv", "csv_excel", "json"]


def check_get_deliveries_format(value: str) -> GetDeliveriesFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetDeliveriesFormat, value)
