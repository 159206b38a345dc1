from typing import Literal, cast

ApprovalReason = Literal["sender_left", "threshold"]


def check_approval_reason(value: str) -> ApprovalReason:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalReason, value)
