from typing import Literal, cast

GetBatchesBatchIdStatus = Literal[
    "cancelled",
    "delivered",
    "dropped",
    "failed",
    "pending",
    "refused",
    "reversed",
    "reversing",
    "scheduled",
    "waiting",
]


def check_get_batches_batch_id_status(value: str) -> GetBatchesBatchIdStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetBatchesBatchIdStatus, value)
