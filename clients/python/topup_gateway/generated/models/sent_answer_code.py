from typing import Literal, cast

SentAnswerCode = Literal[1001, 3001, 3007]


def check_sent_answer_code(value: int) -> SentAnswerCode:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SentAnswerCode, value)
