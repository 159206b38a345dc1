from typing import Literal, cast

ApprovalOfTopUpEventDataStatus = Literal["pending"]


def check_approval_of_top_up_event_data_status(value: str) -> ApprovalOfTopUpEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ApprovalOfTopUpEventDataStatus, value)
