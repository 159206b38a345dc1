from typing import Literal, cast

IssuedVoucherStatus = Literal["issued", "redeemed", "spent"]


def check_issued_voucher_status(value: str) -> IssuedVoucherStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(IssuedVoucherStatus, value)
