from typing import Literal, cast

OrderDisputedEventEnvironment = Literal["live", "staging"]


def check_order_disputed_event_environment(value: str) -> OrderDisputedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderDisputedEventEnvironment, value)
