from typing import Literal, cast

OrderPaidEventEnvironment = Literal["live", "staging"]


def check_order_paid_event_environment(value: str) -> OrderPaidEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderPaidEventEnvironment, value)
