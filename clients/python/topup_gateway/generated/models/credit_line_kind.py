from typing import Literal, cast

CreditLineKind = Literal["code", "payment", "voucher"]


def check_credit_line_kind(value: str) -> CreditLineKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CreditLineKind, value)
