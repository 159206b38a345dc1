from typing import Literal, cast

GetKeysFormat = Literal["csv", "csv_excel", "json"]


def check_get_keys_format(value: str) -> GetKeysFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetKeysFormat, value)
