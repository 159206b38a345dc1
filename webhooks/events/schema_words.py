"""Words that the events' schemas share: times, amounts, addresses, codes, and what any data may carry. Pure."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from kernel.limits import EMAIL_CHARACTERS_MAX, REFERENCE_CHARACTERS_MAX
from kernel.shaped import Shaped

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
Reference = Annotated[
    str, Meta(max_length=REFERENCE_CHARACTERS_MAX, description="The sender's own name for it.")
]
# An amount of a currency that stands beside it, in its smallest unit: USD 2, KWD 3, JPY 0 places.
Minor = Annotated[int, Meta(ge=0, description="In the currency's smallest unit.")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3,5}$", description="ISO 4217.")]
# Literal takes no booleans here, so the schema says by itself that it is true where it is there.
Sample = Annotated[
    bool,
    Meta(
        description="There in the sample of a test ping only: nothing of it is real.",
        extra_json_schema={"const": True},
    ),
]


class EventData(Shaped, kw_only=True):
    """What any event's data may carry."""

    test: Sample | UnsetType = UNSET
