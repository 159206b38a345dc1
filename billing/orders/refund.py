"""What was returned of an order's or period's payment: refunds and disputes, one row each.

A refund is reported as a growing sum (kind refund: Stripe's charge, or one refund elsewhere), and at Stripe
also one by one (kind part). A failed one came back. Stripe lowers the sum by it, or reports it before it
knows; so the sum counts without failed parts, but never less than the standing parts. The order of facts
doesn't matter: an older, smaller sum changes nothing, and an end may come before its beginning.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from billing.ledger.price import Price
from billing.providers.problem import Problem, in_words
from billing.providers.protocol import DisputeClosed, Disputed, Refunded, RefundFailed
from kernel.tenant import Tenant
from store.row_mapping import RowMapping

RefundKind = Literal["refund", "part", "dispute"]
# asked: ours, without the provider's word; replaced: the provider reported it under its own name, which
# counts.
RefundStatus = Literal["done", "failed", "open", "won", "lost", "asked", "replaced"]
Reversed = Refunded | RefundFailed | Disputed | DisputeClosed


class Reversal(msgspec.Struct, frozen=True, gc=False):
    """amount: the whole so far, in the paid currency. owner_id: the paid order or period."""

    owner_id: str
    key: str
    account_id: str
    environment: str
    kind: RefundKind
    amount: int
    status: RefundStatus
    created_at: int


class Reversals:
    def __init__(self) -> None:
        self.changes = 0
        self._known: dict[str, dict[str, Reversal]] = {}
        self._changed: dict[tuple[str, str], Reversal] = {}

    def take(self, found: Iterable[Reversal]) -> None:
        for one in found:
            self._known.setdefault(one.owner_id, {})[one.key] = one

    def of(self, owner_id: str) -> Sequence[Reversal]:
        return list(self._known.get(owner_id, {}).values())

    def find(self, owner_id: str, key: str) -> Reversal | None:
        return self._known.get(owner_id, {}).get(key)

    def keep(self, reversal: Reversal) -> None:
        self.changes += 1
        self.take([reversal])
        self._changed[reversal.owner_id, reversal.key] = reversal

    def bound(self, owner_id: str, paid_amount: int) -> None:
        for one in self.of(owner_id):
            if one.amount > paid_amount:
                self.keep(replace(one, amount=paid_amount))

    @property
    def changed(self) -> list[Reversal]:
        return [one for _, one in sorted(self._changed.items())]


def kind_of(fact: Reversed) -> RefundKind:
    if isinstance(fact, Disputed | DisputeClosed):
        return "dispute"
    return "part" if fact.is_part else "refund"


def change_of(
    fact: Reversed, known: Reversal | None, blank: Reversal, paid: Price
) -> Reversal | Problem | None:
    """Return the row after the fact, why an operator must decide, or None for nothing new. blank: a new row
    without its amount.
    """
    if isinstance(fact, DisputeClosed):
        if known is not None and known.status != "open":
            return None
        # Reported before the dispute itself: the row says how it ended.
        return replace(known or blank, status="won" if fact.is_won else "lost")
    if fact.price.currency != paid.currency:
        what = "failed refund" if isinstance(fact, RefundFailed) else kind_of(fact)
        sentence = f"{what} {fact.key} in {fact.price.currency}, not {paid.currency}"
        return Problem("refund", sentence, f"an amount in {paid.currency}", in_words(fact.price))
    amount = min(fact.price.amount, paid.amount)
    if isinstance(fact, RefundFailed):
        if known is not None and known.status == "failed":
            return None
        return replace(known or replace(blank, amount=amount), status="failed")
    if known is not None and known.status == "asked":
        return replace(known, status="done")
    if amount <= 0 or (known is not None and known.amount >= amount):
        return None
    return replace(known or blank, amount=amount)


def blank_of(fact: Reversed, owner_id: str, tenant: Tenant, now_us: int) -> Reversal:
    kind = kind_of(fact)
    return Reversal(
        owner_id, fact.key, *tenant, kind, 0, "open" if kind == "dispute" else "done", now_us
    )


def gone_of(reversals: Iterable[Reversal], paid_amount: int) -> int:
    """Return how much is returned or disputed, never more than was paid."""
    sums = parts = failed_parts = disputed = 0
    for one in reversals:
        if one.kind == "dispute":
            disputed += one.amount if one.status != "won" else 0
        elif one.kind == "part":
            parts += one.amount if one.status not in {"failed", "replaced"} else 0
            failed_parts += one.amount if one.status == "failed" else 0
        elif one.status not in {"failed", "replaced"}:
            sums += one.amount
    refunded = max(parts, sums - failed_parts, 0)
    return min(refunded + disputed, paid_amount)


def share_of(credits_micros: int, returned_amount: int, paid_amount: int) -> int:
    """Return the credits' share of what is gone, rounded up. Source: contract, 5.5."""
    if paid_amount == 0:
        return 0
    return -(-credits_micros * min(returned_amount, paid_amount) // paid_amount)


_ROWS = RowMapping(Reversal)
# The columns behind the owner's, which each table names itself.
COLUMNS = _ROWS.columns[1:]
LISTED = ", ".join(COLUMNS)
ON_CONFLICT = (
    "DO UPDATE SET kind = excluded.kind, amount = excluded.amount, status = excluded.status"
)
read_row = _ROWS.read
write_row = _ROWS.write
