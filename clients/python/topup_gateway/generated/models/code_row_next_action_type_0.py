from typing import Literal, cast

CodeRowNextActionType0 = Literal["ask_human", "fix_request", "stop", "top_up", "wait"]


def check_code_row_next_action_type_0(value: str) -> CodeRowNextActionType0:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CodeRowNextActionType0, value)
