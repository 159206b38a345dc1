from typing import Literal, cast

HoldStatus = Literal["captured", "expired", "held", "released"]


def check_hold_status(value: str) -> HoldStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(HoldStatus, value)
