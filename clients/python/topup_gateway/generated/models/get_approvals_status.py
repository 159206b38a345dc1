from typing import Literal, cast

GetApprovalsStatus = Literal["approved", "cancelled", "denied", "expired", "pending"]


def check_get_approvals_status(value: str) -> GetApprovalsStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetApprovalsStatus, value)
