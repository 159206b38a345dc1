from typing import Literal, cast

RedeemedVoucherAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_redeemed_voucher_answer_status(value: str) -> RedeemedVoucherAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RedeemedVoucherAnswerStatus, value)
