"""Compare a payment in a provider's list with our record of it.

If a payment names none of our orders or customers, it belongs to another shop that uses the same provider account.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from billing.ledger.price import Price
from billing.providers.abilities import ListedPayment
from kernel.clock import HOUR_US

ListDifferenceKind = Literal[
    "missing_here",
    "not_ours",
    "missing_there",
    "amount",
    "currency",
    "status",
    "second_payment",
    "refunded",
    "fee",
]
TOLD_WITHIN_US: Final = HOUR_US
OwnPaymentKind = Literal["order", "period", "machine"]
_PREFIXES: Final = ("ord_", "mpy_")


@dataclass(frozen=True, slots=True)
class OwnPayment:
    """Our record of a payment. `gone` was refunded or disputed. `payment_id` may be empty.

    `is_paid` means that the payment was credited.
    """

    owner_id: str
    account_id: str
    payment_id: str
    price: Price
    gone: int
    is_paid: bool
    paid_at: int
    kind: OwnPaymentKind = "order"
    begins_plan: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A difference in a payment. `is_of_payment` marks a second payment of a credited order."""

    kind: ListDifferenceKind
    here: Price | None
    there: Price | None
    is_of_payment: bool = False


def is_of_us(one: ListedPayment, customers: Collection[str]) -> bool:
    return (one.order_id or "").startswith(_PREFIXES) or one.customer_ref in customers


def is_kept(one: ListedPayment) -> bool:
    return one.refunded + one.disputed < one.price.amount


def is_missing(one: ListedPayment, *, now_us: int) -> bool:
    """Return whether the payment is paid, not returned, and so old that its notification is overdue."""
    return one.status == "paid" and is_kept(one) and one.created_at <= now_us - TOLD_WITHIN_US


def judged(
    mine: OwnPayment, theirs: ListedPayment, kept_fee: Price | None, *, now_us: int
) -> list[Judged]:
    assert theirs.status == "paid", "another one brought nothing"
    if mine.begins_plan:
        is_lost = is_missing(theirs, now_us=now_us)
        return [Judged("missing_here", None, theirs.price)] if is_lost else []
    if not mine.is_paid:
        return [Judged("status", None, theirs.price)] if is_kept(theirs) else []
    is_its_own = mine.payment_id in ("", theirs.payment_id, *theirs.objects)
    if mine.kind != "period" and not is_its_own:
        second = Judged("second_payment", None, theirs.price, is_of_payment=True)
        return [second] if is_kept(theirs) else []
    found = _sums(mine, theirs)
    if kept_fee is not None and theirs.fee is not None and kept_fee != theirs.fee:
        found.append(Judged("fee", kept_fee, theirs.fee))
    return found


def _sums(mine: OwnPayment, theirs: ListedPayment) -> list[Judged]:
    if mine.price.currency != theirs.price.currency:
        return [Judged("currency", mine.price, theirs.price)]
    found = []
    if mine.price != theirs.price:
        found.append(Judged("amount", mine.price, theirs.price))
    back = min(theirs.refunded + theirs.disputed, theirs.price.amount)
    if mine.gone != back:
        currency = mine.price.currency
        found.append(Judged("refunded", Price(mine.gone, currency), Price(back, currency)))
    return found
