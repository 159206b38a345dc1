from typing import Literal, cast

VouchersRedeemBodySettle = Literal["external", "wallet"]


def check_vouchers_redeem_body_settle(value: str) -> VouchersRedeemBodySettle:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(VouchersRedeemBodySettle, value)
