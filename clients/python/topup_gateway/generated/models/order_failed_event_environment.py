from typing import Literal, cast

OrderFailedEventEnvironment = Literal["live", "staging"]


def check_order_failed_event_environment(value: str) -> OrderFailedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderFailedEventEnvironment, value)
