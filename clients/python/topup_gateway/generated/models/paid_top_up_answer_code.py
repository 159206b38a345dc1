from typing import Literal, cast

PaidTopUpAnswerCode = Literal[1001, 3001, 3007]


def check_paid_top_up_answer_code(value: int) -> PaidTopUpAnswerCode:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PaidTopUpAnswerCode, value)
