from typing import Literal, cast

ApprovalCancelledEventEnvironment = Literal["live", "staging"]


def check_approval_cancelled_event_environment(value: str) -> ApprovalCancelledEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalCancelledEventEnvironment, value)
