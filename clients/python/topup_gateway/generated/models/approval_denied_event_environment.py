from typing import Literal, cast

ApprovalDeniedEventEnvironment = Literal["live", "staging"]


def check_approval_denied_event_environment(value: str) -> ApprovalDeniedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalDeniedEventEnvironment, value)
