from typing import Literal, cast

ApprovalApprovedEventEnvironment = Literal["live", "staging"]


def check_approval_approved_event_environment(value: str) -> ApprovalApprovedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalApprovedEventEnvironment, value)
