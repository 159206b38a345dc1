from typing import Literal, cast

DecidedTopUpAnswerCode = Literal[1000, 1001, 1002]


def check_decided_top_up_answer_code(value: int) -> DecidedTopUpAnswerCode:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DecidedTopUpAnswerCode, value)
