from typing import Literal, cast

BatchStatus = Literal["accepting", "completed", "refused", "running"]


def check_batch_status(value: str) -> BatchStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BatchStatus, value)
