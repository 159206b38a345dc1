from typing import Literal, cast

OrderRefundedEventEnvironment = Literal["live", "staging"]


def check_order_refunded_event_environment(value: str) -> OrderRefundedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderRefundedEventEnvironment, value)
