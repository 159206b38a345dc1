from typing import Literal, cast

VoucherRedeemedEventEnvironment = Literal["live", "staging"]


def check_voucher_redeemed_event_environment(value: str) -> VoucherRedeemedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(VoucherRedeemedEventEnvironment, value)
