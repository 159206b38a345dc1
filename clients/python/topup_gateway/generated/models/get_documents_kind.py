from typing import Literal, cast

GetDocumentsKind = Literal["credit_note", "debit_note", "receipt"]


def check_get_documents_kind(value: str) -> GetDocumentsKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(GetDocumentsKind, value)
