from typing import Literal, cast

StockLowEventEnvironment = Literal["live", "staging"]


def check_stock_low_event_environment(value: str) -> StockLowEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(StockLowEventEnvironment, value)
