from typing import Literal, cast

GetEventsFormat = Literal["csv", "csv_excel", "json"]


def check_get_events_format(value: str) -> GetEventsFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetEventsFormat, value)
