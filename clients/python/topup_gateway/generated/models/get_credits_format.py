from typing import Literal, cast

GetCreditsFormat = Literal["csv", "csv_excel", "json"]


def check_get_credits_format(value: str) -> GetCreditsFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetCreditsFormat, value)
