from typing import Literal, cast

IssuedVoucherAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_issued_voucher_answer_status(value: str) -> IssuedVoucherAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(IssuedVoucherAnswerStatus, value)
