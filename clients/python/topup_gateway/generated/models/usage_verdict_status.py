from typing import Literal, cast

UsageVerdictStatus = Literal["charged", "refused", "repeated"]


def check_usage_verdict_status(value: str) -> UsageVerdictStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(UsageVerdictStatus, value)
