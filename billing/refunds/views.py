"""Refunds as operators see them."""

from typing import Annotated

from msgspec import Meta, Struct

from billing.orders import refund_row
from billing.orders.refund_row import RefundState
from kernel.clock import rfc3339
from kernel.fields import said
from kernel.words import CurrencyCode, Time, time_of


class Refund(Struct, kw_only=True):
    """A refund that was requested here. While it is requested, unknown or pending, its credit is held."""

    id: Annotated[str, Meta(pattern=r"^rfd_[0-9A-Za-z]+$")]
    status: RefundState
    amount: Annotated[
        int,
        Meta(gt=0, description="In the smallest unit of the currency that was paid."),
        said(unit="minor"),
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
        return cls(
            id=refund.id,
            status=refund.status,
            amount=refund.amount,
            currency=refund.currency,
            order_id=refund.order_id,
            period_id=None if refund.period_start_at is None else refund.owner_id,
            account_id=refund.account_id,
            provider=refund.provider,
            payment=refund.payment_ref,
            provider_refund_id=refund.provider_refund_id,
            made_at_provider=refund.is_made_at_provider,
            reason=refund.reason,
            detail=refund.detail,
            held_micros=refund.held_micros,
            requested_by=refund.requested_by,
            created_at=rfc3339(refund.created_at),
            ended_at=time_of(refund.ended_at),
        )
