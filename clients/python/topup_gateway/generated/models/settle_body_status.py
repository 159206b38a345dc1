from typing import Literal, cast

SettleBodyStatus = Literal["delivered", "failed"]


def check_settle_body_status(value: str) -> SettleBodyStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(SettleBodyStatus, value)
