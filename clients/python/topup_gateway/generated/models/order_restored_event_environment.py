from typing import Literal, cast

OrderRestoredEventEnvironment = Literal["live", "staging"]


def check_order_restored_event_environment(value: str) -> OrderRestoredEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(OrderRestoredEventEnvironment, value)
