from typing import Literal, cast

GetTopupHistoryFormat = Literal["csv", "csv_excel", "json"]


def check_get_topup_history_format(value: str) -> GetTopupHistoryFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetTopupHistoryFormat, value)
