from typing import Literal, cast

GetDocumentsFormat = Literal["csv", "csv_excel", "json"]


def check_get_documents_format(value: str) -> GetDocumentsFormat:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetDocumentsFormat, value)
