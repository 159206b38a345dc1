from typing import Literal, cast

GetBatchesBatchIdFormat = Literal["csv", "csv_excel", "json"]


def check_get_batches_batch_id_format(value: str) -> GetBatchesBatchIdFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetBatchesBatchIdFormat, value)
