from typing import Literal, cast

AskedApprovalStatus = Literal["approved", "cancelled", "denied", "expired", "pending"]


def check_asked_approval_status(value: str) -> AskedApprovalStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AskedApprovalStatus, value)
