from typing import Literal, cast

TopupPendingEventEnvironment = Literal["live", "staging"]


def check_topup_pending_event_environment(value: str) -> TopupPendingEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopupPendingEventEnvironment, value)
