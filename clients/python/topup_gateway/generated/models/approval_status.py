from typing import Literal, cast

ApprovalStatus = Literal["approved", "cancelled", "denied", "expired", "pending"]


def check_approval_status(value: str) -> ApprovalStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalStatus, value)
