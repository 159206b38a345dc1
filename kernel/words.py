"""Define the types of fields in inputs, responses and events: IDs, times, amounts, each with its description."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from kernel.fields import LINE, said
from kernel.limits import EMAIL_CHARACTERS_MAX, REFERENCE_CHARACTERS_MAX

Time = Annotated[
    str,
    Meta(
        description="A UTC time in RFC 3339, to the second.",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
        extra_json_schema={"format": "date-time"},
    ),
]
KeyIdText = Annotated[str, Meta(pattern=r"^key_[0-9A-Za-z]+$")]
SentByKey = Annotated[KeyIdText, Meta(description="The ID of the key that sent the top-up.")]
SentByKeyName = Annotated[str, Meta(description="The key's name when the top-up was sent.")]
ScheduledFor = Annotated[
    Time, Meta(description="When the top-up is to be sent, by the account's own clock.")
]
Environment = Annotated[
    Literal["staging", "live"], Meta(description="The environment. Staging and live share no data.")
]
EventSequence = Annotated[
    int,
    Meta(
        ge=1,
        description="The event's number in its account and environment. Numbers have no gaps and follow the order"
        " of events: of two events about one object, the greater number is the later event.",
    ),
]
CallerReferenceField = Annotated[
    str, Meta(min_length=1, max_length=REFERENCE_CHARACTERS_MAX, pattern=LINE)
]
TransactionId = Annotated[str, Meta(pattern=r"^txn_[0-9A-Za-z]+$", description="The top-up's ID.")]
Cents = Annotated[int, Meta(description="An amount in US cents.")]
PositiveCents = Annotated[int, Meta(ge=1, description="An amount in US cents.")]
FeeCents = Annotated[int, Meta(ge=0, description="The fee on top of the amount, in US cents.")]
ChargedCents = Annotated[
    int, Meta(ge=1, description="The total that the sender paid, amount and fee, in US cents.")
]
Voucher = Annotated[str, Meta(pattern=r"^ATU(-[0-9A-HJKMNP-TV-Z]{4}){5}$")]
Code = Annotated[
    str,
    Meta(
        min_length=1,
        description="The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced"
        " it. Null unless you may see the code.",
    ),
]
CodeHint = Annotated[
    str, Meta(min_length=4, max_length=4, description="The code's last four characters.")
]
Email = Annotated[str, Meta(max_length=EMAIL_CHARACTERS_MAX)]
AccountName = Annotated[
    str, Meta(max_length=EMAIL_CHARACTERS_MAX, description="The account's ID or email address.")
]
Reference = Annotated[
    str, Meta(max_length=REFERENCE_CHARACTERS_MAX, description="The sender's own reference.")
]
Credits = Annotated[int, Meta(ge=0, description="A number of credits. 1 credit is $0.001.")]
CurrencyCode = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}$", description="The currency's ISO 4217 code.")
]
MinorUnits = Annotated[
    int,
    Meta(
        ge=0,
        description="An amount in the currency's smallest unit: USD has 2 places, KWD 3, JPY 0.",
    ),
    said(unit="minor"),
]
# In the smallest unit of the currency in another field: USD has 2, KWD 3 and JPY 0 decimal places.
Minor = Annotated[
    int, Meta(ge=0, description="An amount in the currency's smallest unit."), said(unit="minor")
]
Currency = Annotated[
    str, Meta(pattern=r"^[A-Z]{3,5}$", description="The currency's ISO 4217 code.")
]
Millis = Annotated[
    str,
    Meta(
        description="A UTC time in RFC 3339, to the millisecond.",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        extra_json_schema={"format": "date-time"},
    ),
]
Micros = Annotated[int, Meta(description="An amount in millionths of a US dollar.")]
Count = Annotated[int, Meta(ge=0)]
ApprovalId = Annotated[str, Meta(pattern=r"^apr_[0-9A-Za-z]+$")]
DeliveryIdText = Annotated[str, Meta(pattern=r"^dlv_[0-9A-Za-z]+$")]
EndpointIdText = Annotated[str, Meta(pattern=r"^we_[0-9A-Za-z]+$")]
EventIdText = Annotated[str, Meta(pattern=r"^evt_[0-9A-Za-z]+$")]
Prefix = Annotated[str, Meta(description="The secret's first 16 characters, to recognise it.")]
Last4 = Annotated[str, Meta(description="The last 4 characters.")]
TopUpStatus = Literal[
    "scheduled", "pending", "delivered", "failed", "cancelled", "reversing", "reversed"
]
LedgerCurrency = Literal["USD"]


class Link(Struct, kw_only=True, omit_defaults=True):
    """A call to make next with the caller's own credential. If rel is `page`, it is an address for a user's browser."""

    rel: Annotated[str, Meta(description="The call's purpose, such as earlier or balance.")]
    method: Annotated[str, Meta(description="The HTTP method.")]
    href: Annotated[str, Meta(description="The whole URL.")]
    body: Annotated[dict[str, Any] | None, Meta(description="The JSON body to send.")] = None
