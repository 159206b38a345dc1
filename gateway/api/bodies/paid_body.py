"""The body of a top-up that its own request pays for."""

from typing import Annotated, Literal

from msgspec import Meta

from gateway.api.bodies.send_body import (
    Address,
    DeliveryBody,
    IntentField,
    MetadataKey,
    MetadataValue,
)
from kernel.fields import Fields, Int64, Text
from kernel.limits import METADATA_PAIRS_MAX, NOTE_CHARACTERS_MAX


class PaidBody(Fields, frozen=True, kw_only=True):
    """What is topped up for whom. It is paid by the payment beside it, whose price is the amount and the
    platform's fee.
    """

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
