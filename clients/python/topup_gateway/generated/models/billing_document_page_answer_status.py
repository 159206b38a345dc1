from typing import Literal, cast

BillingDocumentPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_billing_document_page_answer_status(value: str) -> BillingDocumentPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(BillingDocumentPageAnswerStatus, value)
