from typing import Literal, cast

TopupClaimedEventEnvironment = Literal["live", "staging"]


def check_topup_claimed_event_environment(value: str) -> TopupClaimedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopupClaimedEventEnvironment, value)
