from typing import Literal, cast

PaidTopUp202AnswerCode = Literal[1002, 3006]


def check_paid_top_up_202_answer_code(value: int) -> PaidTopUp202AnswerCode:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(PaidTopUp202AnswerCode, value)
