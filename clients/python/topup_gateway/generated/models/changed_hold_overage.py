from typing import Literal, cast

ChangedHoldOverage = Literal["cap", "owe", "reject"]


def check_changed_hold_overage(value: str) -> ChangedHoldOverage:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ChangedHoldOverage, value)
