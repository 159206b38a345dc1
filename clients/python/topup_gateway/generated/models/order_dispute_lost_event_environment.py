from typing import Literal, cast

OrderDisputeLostEventEnvironment = Literal["live", "staging"]


def check_order_dispute_lost_event_environment(value: str) -> OrderDisputeLostEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderDisputeLostEventEnvironment, value)
