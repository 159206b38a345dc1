"""The types of fields in inputs, responses and events: IDs, times, amounts, each with its description."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from kernel.fields import LINE, said
from kernel.limits import EMAIL_CHARACTERS_MAX, REFERENCE_CHARACTERS_MAX

Time = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC, whole seconds.",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
        extra_json_schema={"format": "date-time"},
    ),
]
KeyIdText = Annotated[str, Meta(pattern=r"^key_[0-9A-Za-z]+$")]
SentByKey = Annotated[KeyIdText, Meta(description="The key that sent it.")]
SentByKeyName = Annotated[str, Meta(description="What that key was called then.")]
ScheduledFor = Annotated[
    Time, Meta(description="When it is to be sent, by the account's own clock.")
]
Environment = Annotated[
    Literal["staging", "live"], Meta(description="The two are closed worlds; check it.")
]
EventSequence = Annotated[
    int,
    Meta(
        ge=1,
        description="The event's number in its account and environment: without a gap, in the order in"
        " which things happened. Of two events about one object the greater one is the later.",
    ),
]
CallerReferenceField = Annotated[
    str, Meta(min_length=1, max_length=REFERENCE_CHARACTERS_MAX, pattern=LINE)
]
TransactionId = Annotated[str, Meta(pattern=r"^txn_[0-9A-Za-z]+$", description="The top-up's id.")]
Cents = Annotated[int, Meta(description="In US cents.")]
PositiveCents = Annotated[int, Meta(ge=1, description="In US cents.")]
FeeCents = Annotated[int, Meta(ge=0, description="Charged beside the amount, in US cents.")]
ChargedCents = Annotated[
    int, Meta(ge=1, description="What the sender paid, amount and fee, in US cents.")
]
Voucher = Annotated[str, Meta(pattern=r"^ATU(-[0-9A-HJKMNP-TV-Z]{4}){5}$")]
Code = Annotated[
    str,
    Meta(
        min_length=1,
        description=(
            "What redeems the credit: a voucher ATU-…, or the code of the platform's own that was"
            " handed over in its place. Null unless you may see it."
        ),
    ),
]
CodeHint = Annotated[
    str, Meta(min_length=4, max_length=4, description="The code's last four characters.")
]
Email = Annotated[str, Meta(max_length=EMAIL_CHARACTERS_MAX)]
AccountName = Annotated[
    str,
    Meta(max_length=EMAIL_CHARACTERS_MAX, description="Whose: an id or an email address."),
]
Reference = Annotated[
    str, Meta(max_length=REFERENCE_CHARACTERS_MAX, description="The sender's own name for it.")
]
Credits = Annotated[int, Meta(ge=0, description="1 credit is $0.001.")]
CurrencyCode = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217.")]
MinorUnits = Annotated[
    int,
    Meta(ge=0, description="In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."),
    said(unit="minor"),
]
# In the smallest unit of the currency in another field: USD has 2, KWD 3 and JPY 0 decimal places.
Minor = Annotated[
    int, Meta(ge=0, description="In the currency's smallest unit."), said(unit="minor")
]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3,5}$", description="ISO 4217.")]
Millis = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC, milliseconds.",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        extra_json_schema={"format": "date-time"},
    ),
]
Micros = Annotated[int, Meta(description="In millionths of a US dollar.")]
Count = Annotated[int, Meta(ge=0)]
ApprovalId = Annotated[str, Meta(pattern=r"^apr_[0-9A-Za-z]+$")]
DeliveryIdText = Annotated[str, Meta(pattern=r"^dlv_[0-9A-Za-z]+$")]
EndpointIdText = Annotated[str, Meta(pattern=r"^we_[0-9A-Za-z]+$")]
EventIdText = Annotated[str, Meta(pattern=r"^evt_[0-9A-Za-z]+$")]
Prefix = Annotated[str, Meta(description="The first 16 characters, to recognise it by.")]
Last4 = Annotated[str, Meta(description="The last 4 characters.")]
TopUpStatus = Literal[
    "scheduled", "pending", "delivered", "failed", "cancelled", "reversing", "reversed"
]
LedgerCurrency = Literal["USD"]


class Link(Struct, kw_only=True, omit_defaults=True):
    """A call to make next with the caller's own credential. If rel is `page`, it is an address for a user's
    browser.
    """

    rel: Annotated[str, Meta(description="What it is for, such as earlier, platforms, balance.")]
    method: Annotated[str, Meta(description="The HTTP method.")]
    href: Annotated[str, Meta(description="The whole address.")]
    body: Annotated[dict[str, Any] | None, Meta(description="The JSON body to send.")] = None
