from typing import Literal, cast

AuditEntryPageAnswerStatus = Literal[
    "cancelled", "delivered", "failed", "ok", "pending", "reversed", "reversing", "scheduled"
]


def check_audit_entry_page_answer_status(value: str) -> AuditEntryPageAnswerStatus:
    """The value as it came: a later version of the gateway may know more of them."""
    return cast(AuditEntryPageAnswerStatus, value)
