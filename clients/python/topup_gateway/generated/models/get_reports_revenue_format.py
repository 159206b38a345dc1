from typing import Literal, cast

GetReportsRevenueFormat = Literal["csv", "csv_excel", "json"]


def check_get_reports_revenue_format(value: str) -> GetReportsRevenueFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetReportsRevenueFormat, value)
