from typing import Literal, cast

VoucherRedeemedEventDataSettle = Literal["external", "wallet"]


def check_voucher_redeemed_event_data_settle(value: str) -> VoucherRedeemedEventDataSettle:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(VoucherRedeemedEventDataSettle, value)
