from typing import Literal, cast

TopupReversedEventEnvironment = Literal["live", "staging"]


def check_topup_reversed_event_environment(value: str) -> TopupReversedEventEnvironment:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(TopupReversedEventEnvironment, value)
