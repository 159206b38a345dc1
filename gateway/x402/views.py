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
        Meta(description="settling: its outcome is asked for; ask again with the same payment."),
    ]
    network: Annotated[
        str, Meta(description="As CAIP-2 names it, such as eip155:8453; by card: stripe.")
    ]
    asset: Annotated[str, Meta(description="The contract of the token; by card: usd.")]
    amount: Annotated[str, Meta(description="In atomic units of the asset; by card in US cents.")]
    payer: Annotated[
        str, Meta(description="The wallet that signed the payment; by card the token's end.")
    ]
    settlement: Annotated[
        str | None,
        Meta(
            description="The transaction's hash on the network, or the card's payment, once known."
        ),
    ]
    created_at: Time
    settled_at: Time | None


class GivenBack(Struct, kw_only=True):
    """A refund for a payment without a delivery: a code to redeem at POST /codes/redeem.

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
        str | None, Meta(description="The recipient's page, as good as the code itself.")
    ]
    payment: Annotated[
        MachinePaymentShape | None, Meta(description="Null where an intent was met without one.")
    ]
    refund: Annotated[
        GivenBack | None, Meta(description="What was paid and could not be delivered.")
    ]
    error: Annotated[
        Failure | UnsetType,
        Meta(description="Why nothing was delivered; then refund has the money."),
    ] = UNSET
    approval: Annotated[
        Held | UnsetType,
        Meta(description="What a person has to decide on first, as the key beside it is told."),
    ] = UNSET
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET


class PaidBody(Fields, frozen=True, kw_only=True):
    """What to top up, and for whom. The price is the amount plus the platform's fee."""

    platform: Annotated[Text, Meta(description="What is topped up; see GET /platforms.")]
    amount_cents: Annotated[Int64, Meta(description="In US cents, within the platform's limits.")]
    recipient_email: Annotated[Address, Meta(description="Whose wallet.")]
    environment: (
        Annotated[
            Literal["staging", "live"],
            Meta(description="staging is for trying; left out: live where it is offered."),
        ]
        | None
    ) = None
    metadata: (
        Annotated[
            dict[MetadataKey, MetadataValue],
            Meta(max_length=METADATA_PAIRS_MAX, description="Pairs of yours; kept with it."),
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
            description="Another send, though its payer paid for the same platform, amount and recipient within"
            " 600 seconds; without it such a request is refused before anything is charged."
        ),
    ] = False
