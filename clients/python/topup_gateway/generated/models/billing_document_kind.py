from typing import Literal, cast

BillingDocumentKind = Literal["credit_note", "debit_note", "receipt"]


def check_billing_document_kind(value: str) -> BillingDocumentKind:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BillingDocumentKind, value)
