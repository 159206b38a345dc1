from typing import Literal, cast

CompletedBatchEventDataStatus = Literal["completed", "refused"]


def check_completed_batch_event_data_status(value: str) -> CompletedBatchEventDataStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CompletedBatchEventDataStatus, value)
