from typing import Literal, cast

GetReportsOutstandingFormat = Literal["csv", "csv_excel", "json"]


def check_get_reports_outstanding_format(value: str) -> GetReportsOutstandingFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetReportsOutstandingFormat, value)
