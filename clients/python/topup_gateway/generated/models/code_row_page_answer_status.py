from typing import Literal, cast

CodeRowPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_code_row_page_answer_status(value: str) -> CodeRowPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CodeRowPageAnswerStatus, value)
