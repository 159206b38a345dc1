from typing import Literal, cast

ApprovalExpiredEventEnvironment = Literal["live", "staging"]


def check_approval_expired_event_environment(value: str) -> ApprovalExpiredEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalExpiredEventEnvironment, value)
