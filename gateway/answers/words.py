"""The words that the structs of answers are made of: ids, times, amounts, each with what it means."""

from typing import Annotated, Literal

from msgspec import Meta

from kernel.clock import rfc3339
from keys.principal import SCOPES
from webhooks.events.event import EVENT_TYPES
from webhooks.events.schema_words import Code, CodeHint, Environment, Time, TransactionId, Voucher

__all__ = ["Code", "CodeHint", "Environment", "Time", "TransactionId", "Voucher"]

# Below it lies our own API.
API_PREFIX = "/api/public/v1"
Millis = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC, milliseconds.",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        extra_json_schema={"format": "date-time"},
    ),
]
Cents = Annotated[int, Meta(description="In US cents.")]
Micros = Annotated[int, Meta(description="In millionths of a US dollar.")]
Count = Annotated[int, Meta(ge=0)]
ApprovalId = Annotated[str, Meta(pattern=r"^apr_[0-9A-Za-z]+$")]
DeliveryIdText = Annotated[str, Meta(pattern=r"^dlv_[0-9A-Za-z]+$")]
EndpointIdText = Annotated[str, Meta(pattern=r"^we_[0-9A-Za-z]+$")]
EventIdText = Annotated[str, Meta(pattern=r"^evt_[0-9A-Za-z]+$")]
KeyIdText = Annotated[str, Meta(pattern=r"^key_[0-9A-Za-z]+$")]
Prefix = Annotated[str, Meta(description="The first 16 characters, to recognise it by.")]
Last4 = Annotated[str, Meta(description="The last 4 characters.")]
TopUpStatus = Literal[
    "scheduled", "pending", "delivered", "failed", "cancelled", "reversing", "reversed"
]
ScopeWord = Annotated[str, Meta(extra_json_schema={"enum": list(SCOPES)})]
EventTypeWord = Annotated[
    str, Meta(description="Which event it is.", extra_json_schema={"enum": list(EVENT_TYPES)})
]
LedgerCurrency = Literal["USD"]


def time_of(at_us: int | None) -> str | None:
    """The moment as answers show it; None stays None."""
    return None if at_us is None else rfc3339(at_us)
