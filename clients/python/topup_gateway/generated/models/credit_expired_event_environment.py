from typing import Literal, cast

CreditExpiredEventEnvironment = Literal["live", "staging"]


def check_credit_expired_event_environment(value: str) -> CreditExpiredEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CreditExpiredEventEnvironment, value)
