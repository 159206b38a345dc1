from typing import Literal, cast

GetReplaysFormat = Literal["csv", "csv_excel", "json"]


def check_get_replays_format(value: str) -> GetReplaysFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetReplaysFormat, value)
