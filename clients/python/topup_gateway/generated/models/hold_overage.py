from typing import Literal, cast

HoldOverage = Literal["cap", "owe", "reject"]


def check_hold_overage(value: str) -> HoldOverage:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(HoldOverage, value)
