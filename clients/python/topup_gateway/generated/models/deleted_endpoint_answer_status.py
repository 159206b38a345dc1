from typing import Literal, cast

DeletedEndpointAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_deleted_endpoint_answer_status(value: str) -> DeletedEndpointAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DeletedEndpointAnswerStatus, value)
