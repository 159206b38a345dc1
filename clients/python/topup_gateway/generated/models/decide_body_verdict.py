from typing import Literal, cast

DecideBodyVerdict = Literal["made", "not_made"]


def check_decide_body_verdict(value: str) -> DecideBodyVerdict:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(DecideBodyVerdict, value)
