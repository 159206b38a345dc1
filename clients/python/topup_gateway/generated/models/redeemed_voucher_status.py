from typing import Literal, cast

RedeemedVoucherStatus = Literal["issued", "redeemed", "spent"]


def check_redeemed_voucher_status(value: str) -> RedeemedVoucherStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RedeemedVoucherStatus, value)
