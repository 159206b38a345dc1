from typing import Literal, cast

AcceptedBatchNextActionType0 = Literal["fix_request", "poll"]


def check_accepted_batch_next_action_type_0(value: str) -> AcceptedBatchNextActionType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AcceptedBatchNextActionType0, value)
