from typing import Literal, cast

SandboxKeyAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_sandbox_key_answer_status(value: str) -> SandboxKeyAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SandboxKeyAnswerStatus, value)
