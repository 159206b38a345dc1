from typing import Literal, cast

WindowPeriod = Literal["day", "month"]


def check_window_period(value: str) -> WindowPeriod:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(WindowPeriod, value)
