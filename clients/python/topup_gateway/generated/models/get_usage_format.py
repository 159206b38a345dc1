from typing import Literal, cast

GetUsageFormat = Literal["csv", "csv_excel", "json"]


def check_get_usage_format(value: str) -> GetUsageFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetUsageFormat, value)
