from typing import Literal, cast

GetBatchesFormat = Literal["csv", "csv_excel", "json"]


def check_get_batches_format(value: str) -> GetBatchesFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetBatchesFormat, value)
