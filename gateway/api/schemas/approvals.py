"""The shapes of approvals as the API shows them: with what they decide on, and who asked."""

from typing import Annotated, Self

from msgspec import Meta, Struct

from billing.topups import queries
from kernel.words import Cents, ChargedCents, KeyIdText
from webhooks.events.schemas import Approval


class Requester(Struct, kw_only=True):
    """The key that asked."""

    key_id: KeyIdText
    key_name: Annotated[str | None, Meta(description="Null: the key is gone.")]


class AskedApproval(Approval, kw_only=True):
    """An approval with what it decides on."""

    platform: str
    amount_cents: Cents
    charged_cents: ChargedCents
    recipient_email: str
    note: str | None
    requester: Annotated[
        Requester | None, Meta(description="Null: a person asked, or a credential without a key.")
    ]
    sender_email: Annotated[
        str | None, Meta(description="Of `sender_left`: who sent it. Null: a key or a token did.")
    ]
    url: Annotated[str, Meta(description="The page of the dashboard where a person decides.")]

    @classmethod
    def seen(cls, asked: queries.AskedApproval, public_url: str) -> Self:
        one, topup = asked.approval, asked.topup
        key_id = one.requested_by if one.reason == "threshold" else None
        return cls.of(
            one,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            charged_cents=topup.charged_cents,
            recipient_email=topup.recipient_email,
            note=topup.note,
            requester=None if key_id is None else Requester(key_id=key_id, key_name=asked.key_name),
            sender_email=asked.sender_email,
            url=f"{public_url}/dashboard/approvals/{one.id}",
        )
