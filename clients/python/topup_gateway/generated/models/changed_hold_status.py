from typing import Literal, cast

ChangedHoldStatus = Literal["captured", "expired", "held", "released"]


def check_changed_hold_status(value: str) -> ChangedHoldStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(ChangedHoldStatus, value)
