from typing import Literal, cast

SettledTopUpAnswerCode = Literal[1001, 3001, 3005]


def check_settled_top_up_answer_code(value: int) -> SettledTopUpAnswerCode:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SettledTopUpAnswerCode, value)
