from typing import Literal, cast

GetTopupStatementFormat = Literal["csv", "csv_excel", "json", "pdf"]


def check_get_topup_statement_format(value: str) -> GetTopupStatementFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetTopupStatementFormat, value)
