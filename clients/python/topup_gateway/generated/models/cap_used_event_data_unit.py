from typing import Literal, cast

CapUsedEventDataUnit = Literal["cents", "recipients", "sends"]


def check_cap_used_event_data_unit(value: str) -> CapUsedEventDataUnit:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(CapUsedEventDataUnit, value)
