from typing import Literal, cast

CreditExpiringEventEnvironment = Literal["live", "staging"]


def check_credit_expiring_event_environment(value: str) -> CreditExpiringEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CreditExpiringEventEnvironment, value)
