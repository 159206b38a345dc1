from typing import Literal, cast

GetWalletsFormat = Literal["csv", "csv_excel", "json"]


def check_get_wallets_format(value: str) -> GetWalletsFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetWalletsFormat, value)
