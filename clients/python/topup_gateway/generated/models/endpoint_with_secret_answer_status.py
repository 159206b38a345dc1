from typing import Literal, cast

EndpointWithSecretAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_endpoint_with_secret_answer_status(value: str) -> EndpointWithSecretAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EndpointWithSecretAnswerStatus, value)
