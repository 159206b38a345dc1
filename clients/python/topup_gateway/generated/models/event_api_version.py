from typing import Literal, cast

EventApiVersion = Literal["v1"]


def check_event_api_version(value: str) -> EventApiVersion:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(EventApiVersion, value)
