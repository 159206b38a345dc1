from typing import Literal, cast

TopupDeliveredEventEnvironment = Literal["live", "staging"]


def check_topup_delivered_event_environment(value: str) -> TopupDeliveredEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopupDeliveredEventEnvironment, value)
