from typing import Literal, cast

RedeemedCodeType = Literal["code", "voucher"]


def check_redeemed_code_type(value: str) -> RedeemedCodeType:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(RedeemedCodeType, value)
