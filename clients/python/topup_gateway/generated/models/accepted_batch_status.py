from typing import Literal, cast

AcceptedBatchStatus = Literal["accepting", "completed", "refused", "running"]


def check_accepted_batch_status(value: str) -> AcceptedBatchStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AcceptedBatchStatus, value)
