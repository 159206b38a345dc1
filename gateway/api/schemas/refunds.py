"""The shapes of refunds and disputes, as operators see them."""

from typing import Annotated

from msgspec import Meta, Struct

from billing.orders import refund_row
from billing.orders.refund_row import RefundState
from billing.payments import disputes
from billing.refunds.queries import record_of
from kernel.words import CurrencyCode, MinorUnits, Time


class Refund(Struct, kw_only=True):
    """A refund that was asked for here. While it is requested, unknown or pending, its credit is held."""

    id: Annotated[str, Meta(pattern=r"^rfd_[0-9A-Za-z]+$")]
    status: RefundState
    amount: Annotated[
        int, Meta(gt=0, description="In the smallest unit of the currency that was paid.")
    ]
    currency: CurrencyCode
    order_id: Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]
    period_id: Annotated[str | None, Meta(description="Of a plan's paid period, else null.")]
    account_id: str
    provider: str
    payment: Annotated[str, Meta(description="What the provider calls the payment.")]
    provider_refund_id: Annotated[
        str | None, Meta(description="The provider's own id of it; null: none yet.")
    ]
    made_at_provider: Annotated[
        bool, Meta(description="A person made it at the provider, and wrote it down here.")
    ]
    reason: str
    detail: Annotated[str | None, Meta(description="Why it failed, or is unknown.")]
    held_micros: Annotated[int, Meta(ge=0, description="What is held of the account's credit.")]
    requested_by: Annotated[
        str | None, Meta(description="The key, token or person that asked; null: nobody here.")
    ]
    created_at: Time
    ended_at: Time | None

    @classmethod
    def of(cls, refund: refund_row.Refund) -> "Refund":
        record = record_of(refund)
        return cls(**{name: record[name] for name in cls.__struct_fields__})


class Dispute(Struct, kw_only=True):
    """A dispute that a payer's bank opened, or its question, which took no money."""

    id: Annotated[str, Meta(description="The provider's.")]
    provider: str
    account_id: Annotated[str | None, Meta(description="The account's id; null: unknown.")]
    order_id: Annotated[str | None, Meta(description="The order's id; null: none of ours.")]
    amount: MinorUnits
    currency: Annotated[str, Meta(description="ISO 4217.")]
    status: Annotated[str, Meta(description="In the provider's own words.")]
    reason: Annotated[str, Meta(description="In the provider's own words.")]
    is_inquiry: bool
    evidence_due_at: Annotated[
        Time | None,
        Meta(description="Until when evidence counts; null where the provider does not tell."),
    ]
    page_url: str | None
    created_at: Time
    ended_at: Time | None

    @classmethod
    def of(cls, dispute: disputes.Dispute) -> "Dispute":
        shape = dispute.shape()
        return cls(**{name: shape[name] for name in cls.__struct_fields__})
