from typing import Literal, cast

RequestedApprovalEventDataStatus = Literal["pending"]


def check_requested_approval_event_data_status(value: str) -> RequestedApprovalEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RequestedApprovalEventDataStatus, value)
