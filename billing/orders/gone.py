"""What is gone of one payment, from all that was told of its refunds and disputes. Pure.

A refund is told as a sum that grows (kind refund: Stripe's charge, or one refund of a provider that
tells each by itself) and, at Stripe, one by one as well (kind part). One that failed came back to us.
Stripe lowers the sum by it, or tells it before it knows; so the sum counts without the failed parts,
but never for less than the parts that stand. The order in which facts are told does not matter.
"""

from collections.abc import Iterable
from typing import Literal, Protocol

Kind = Literal["refund", "part", "dispute"]
Status = Literal["done", "failed", "open", "won", "lost"]


class NotificationRef(Protocol):
    """A row of order_reversals or period_reversals."""

    @property
    def kind(self) -> Kind: ...

    @property
    def amount(self) -> int: ...

    @property
    def status(self) -> Status: ...


def gone_of(told: Iterable[NotificationRef], paid_amount: int) -> int:
    """How much of the payment went back or is disputed, never more than was paid."""
    sums = parts = failed_parts = disputed = 0
    for one in told:
        if one.kind == "dispute":
            disputed += one.amount if one.status != "won" else 0
        elif one.kind == "part":
            parts += one.amount if one.status != "failed" else 0
            failed_parts += one.amount if one.status == "failed" else 0
        elif one.status != "failed":
            sums += one.amount
    refunded = max(parts, sums - failed_parts, 0)
    return min(refunded + disputed, paid_amount)
