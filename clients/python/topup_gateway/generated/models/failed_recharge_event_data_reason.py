from typing import Literal, cast

FailedRechargeEventDataReason = Literal[
    "authentication_required",
    "card_declined",
    "card_expired",
    "card_removed",
    "disputed",
    "insufficient_funds",
    "monthly_max",
    "refused",
    "switched_off",
    "try_later",
    "unknown_outcome",
]


def check_failed_recharge_event_data_reason(value: str) -> FailedRechargeEventDataReason:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(FailedRechargeEventDataReason, value)
