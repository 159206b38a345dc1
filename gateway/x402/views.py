"""Define the request and response of a top-up that is paid for in its own request."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from billing.topups.send_acts import Address, DeliveryBody, IntentField, MetadataKey, MetadataValue
from billing.topups.views import DeliverableField, Held, NextLinks, NextPoll
from kernel.fields import Fields, Int64, Text
from kernel.limits import METADATA_PAIRS_MAX, NOTE_CHARACTERS_MAX
from kernel.refused import Failure
from kernel.words import Cents, ChargedCents, Code, CodeHint, FeeCents, Time


class MachinePaymentShape(Struct, kw_only=True):
    """A payment's current state."""

    id: str
    state: Annotated[
        Literal["settling", "paid", "refused", "refunded"],
        Meta(
            description="The payment's state. settling: the outcome isn't known yet; repeat the request "
            "with the same payment."
        ),
    ]
    network: Annotated[
        str,
        Meta(description="The network's CAIP-2 name, such as eip155:8453, or stripe for a card."),
    ]
    asset: Annotated[str, Meta(description="The token's contract, or usd for a card.")]
    amount: Annotated[str, Meta(description="The amount in atomic units; for a card in US cents.")]
    payer: Annotated[
        str, Meta(description="The wallet that signed, or the last characters of a card's token.")
    ]
    settlement: Annotated[
        str | None,
        Meta(
            description="The transaction's hash on the network or the card's payment ID, once known."
        ),
    ]
    created_at: Time
    settled_at: Time | None


class GivenBack(Struct, kw_only=True):
    """A refund for a payment that delivered nothing. Its code can be redeemed at POST /codes/redeem.

    The code is null unless the caller shows the payment's identifier.
    """

    voucher_code: Code | None
    voucher_code_hint: CodeHint
    amount_cents: Cents
    reason: str | None


class PaidTopUp(Struct, kw_only=True):
    """A top-up that was paid for in its request. Codes are null unless the caller shows the payment's identifier."""

    platform: str
    amount_cents: Cents
    fee_cents: FeeCents
    charged_cents: ChargedCents
    recipient_email: str
    voucher_code: Code | None
    voucher_code_hint: CodeHint | None
    deliverable: DeliverableField | None
    claim_url: Annotated[
        str | None,
        Meta(description="The recipient's claim page, which is as valuable as the code."),
    ]
    payment: Annotated[
        MachinePaymentShape | None,
        Meta(description="The payment. Null if the intent was already used without a payment."),
    ]
    refund: Annotated[
        GivenBack | None, Meta(description="The refund of a payment that couldn't be delivered.")
    ]
    error: Annotated[
        Failure | UnsetType,
        Meta(description="The reason why nothing was delivered. `refund` then returns the money."),
    ] = UNSET
    approval: Annotated[
        Held | UnsetType,
        Meta(description="The approval needed first, shown to the request's key."),
    ] = UNSET
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET


class PaidBody(Fields, frozen=True, kw_only=True):
    """What to top up, and for whom. The payer pays the amount and the platform's fee."""

    platform: Annotated[Text, Meta(description="The platform to top up; see GET /platforms.")]
    amount_cents: Annotated[Int64, Meta(description="The amount in US cents; see GET /platforms.")]
    recipient_email: Annotated[Address, Meta(description="The recipient's email address.")]
    environment: (
        Annotated[
            Literal["staging", "live"],
            Meta(description="The environment. If omitted, live if the gateway offers it."),
        ]
        | None
    ) = None
    metadata: (
        Annotated[
            dict[MetadataKey, MetadataValue],
            Meta(max_length=METADATA_PAIRS_MAX, description="Your own names and values."),
        ]
        | None
    ) = None
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS_MAX)] | None = None
    delivery: Annotated[
        DeliveryBody | None, Meta(description="Mail, language and message for the recipient.")
    ] = None
    intent: IntentField | None = None
    distinct: Annotated[
        bool,
        Meta(
            description="Allow a second top-up for the same payer, platform, amount and recipient within 600"
            " seconds. Otherwise, such a request is refused before anything is charged."
        ),
    ] = False
