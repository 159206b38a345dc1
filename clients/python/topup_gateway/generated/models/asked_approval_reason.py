from typing import Literal, cast

AskedApprovalReason = Literal["sender_left", "threshold"]


def check_asked_approval_reason(value: str) -> AskedApprovalReason:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AskedApprovalReason, value)
