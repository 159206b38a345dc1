from typing import Literal, cast

ApprovalRequestedEventEnvironment = Literal["live", "staging"]


def check_approval_requested_event_environment(value: str) -> ApprovalRequestedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalRequestedEventEnvironment, value)
