from typing import Literal, cast

GetApprovalsFormat = Literal["csv", "csv_excel", "json"]


def check_get_approvals_format(value: str) -> GetApprovalsFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetApprovalsFormat, value)
