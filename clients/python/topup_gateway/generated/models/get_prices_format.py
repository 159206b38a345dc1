from typing import Literal, cast

GetPricesFormat = Literal["csv", "csv_excel", "json"]


def check_get_prices_format(value: str) -> GetPricesFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetPricesFormat, value)
