from typing import Literal, cast

RedeemedVoucherSettle = Literal["external", "wallet"]


def check_redeemed_voucher_settle(value: str) -> RedeemedVoucherSettle:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RedeemedVoucherSettle, value)
