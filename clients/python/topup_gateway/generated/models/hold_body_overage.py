from typing import Literal, cast

HoldBodyOverage = Literal["cap", "owe", "reject"]


def check_hold_body_overage(value: str) -> HoldBodyOverage:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(HoldBodyOverage, value)
