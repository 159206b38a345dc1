from typing import Literal, cast

GetAuditFormat = Literal["csv", "csv_excel", "json"]


def check_get_audit_format(value: str) -> GetAuditFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetAuditFormat, value)
