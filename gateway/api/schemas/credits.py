"""The shape of what brought an account credit."""

from typing import Annotated, Literal, Self

from msgspec import Meta, Struct

from billing.ledger.money import MICROS_PER_CREDIT
from billing.reports import credit_history
from kernel.clock import rfc3339
from kernel.words import CurrencyCode, MinorUnits, Time, time_of


class CreditLine(Struct, kw_only=True):
    """A payment, or a code or voucher that was redeemed. Of a code or a voucher no more than its end is told."""

    id: Annotated[str, Meta(description="The order's, the redemption's or the top-up's id.")]
    kind: Annotated[Literal["payment", "code", "voucher"], Meta(description="What brought it.")]
    number: Annotated[
        str,
        Meta(
            description="Of a payment the order's order_no, of a code the redemption's id, of a voucher"
            " ATU- and its last characters."
        ),
    ]
    method: Annotated[str, Meta(description="How it was paid; redemption or voucher.")]
    status: Annotated[str, Meta(description="The order's state; paid for what was redeemed.")]
    credits: Annotated[int, Meta(description="How many credits it brought, or would bring.")]
    pay_amount: MinorUnits
    pay_currency: CurrencyCode
    created_at: Time
    completed_at: Annotated[Time | None, Meta(description="When the credit came; null: not yet.")]

    @classmethod
    def of_line(cls, line: credit_history.CreditLine) -> Self:
        return cls(
            id=line.id,
            kind=line.kind,
            number=line.number,
            method=line.method,
            status=line.status,
            credits=line.credits_micros // MICROS_PER_CREDIT,
            pay_amount=line.pay_amount,
            pay_currency=line.pay_currency,
            created_at=rfc3339(line.created_at),
            completed_at=time_of(line.completed_at),
        )
