from typing import Literal, cast

SentForApprovalNextAction = Literal["poll"]


def check_sent_for_approval_next_action(value: str) -> SentForApprovalNextAction:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SentForApprovalNextAction, value)
