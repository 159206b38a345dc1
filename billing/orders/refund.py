"""Store the amounts returned from a payment, and the refunds requested through this gateway.

Providers report a refund as a sum that grows (kind refund). Stripe also reports each refund on its own (kind part).
Stripe's sum may include failed refunds, so failed parts are subtracted from it. The result is never less than the sum
of the other parts. Reports may arrive in any order.

While a refund is open, its share of the credit is in the ledger account HELD. A unique index ensures that a
payment has at most one open refund. Writers hold the account's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import WorkingSet
from billing.ledger.price import Price
from billing.providers import event_log
from billing.providers.event_log import (
    LogEntry,
    NotificationOutcome,
    NotificationRef,
    Problem,
    in_words,
)
from billing.providers.protocol import DisputeClosed, Disputed, Refunded, RefundFailed
from kernel.errors import NotFound
from kernel.tenant import OfTenant, Tenant
from store.database import Transaction
from store.due_rows import DueRows
from store.keyset import Begin, Keyset
from store.row_mapping import RowMapping

RefundKind = Literal["refund", "part", "dispute"]
# "asked" means requested here but not yet reported. "replaced" means that a row with the provider's ID is used instead.
RefundStatus = Literal["done", "failed", "open", "won", "lost", "asked", "replaced"]
Reversed = Refunded | RefundFailed | Disputed | DisputeClosed


class Reversal(msgspec.Struct, frozen=True, gc=False):
    """A refund or dispute of a payment. `amount` is the total so far, in the payment's currency.

    `owner_id` is the order or period that the payment was for.
    """

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

    def save(self, reversal: Reversal) -> None:
        self.changes += 1
        self.take([reversal])
        self._changed[reversal.owner_id, reversal.key] = reversal

    def bound(self, owner_id: str, paid_amount: int) -> None:
        for one in self.of(owner_id):
            if one.amount > paid_amount:
                self.save(replace(one, amount=paid_amount))

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
    """Return the changed row, or a problem for an operator, or None if the report has nothing new.

    `blank` is a new row without an amount.
    """
    if isinstance(fact, DisputeClosed):
        if known is not None and known.status != "open":
            return None
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


def returned_of(reversals: Iterable[Reversal], paid_amount: int) -> int:
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
    """Return the share of the credit that belongs to the returned part of the payment, rounded up."""
    if paid_amount == 0:
        return 0
    return -(-credits_micros * min(returned_amount, paid_amount) // paid_amount)


_ROWS = RowMapping(Reversal)
# Leave out the owner's column, whose name differs between tables.
COLUMNS = _ROWS.columns[1:]
LISTED = ", ".join(COLUMNS)
ON_CONFLICT = (
    "DO UPDATE SET kind = excluded.kind, amount = excluded.amount, status = excluded.status"
)
read_row = _ROWS.read
write_row = _ROWS.write


RefundState = Literal["requested", "unknown", "pending", "succeeded", "failed"]
OPEN: frozenset[RefundState] = frozenset({"requested", "unknown", "pending"})
HINT = "refunds"
# Final states can change: an operator may give up a refund too soon, or a bank may return a refund.
MOVES: Mapping[RefundState, frozenset[RefundState]] = {
    "requested": frozenset({"unknown", "pending", "succeeded", "failed"}),
    "unknown": frozenset({"pending", "succeeded", "failed"}),
    "pending": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"failed"}),
    "failed": frozenset({"succeeded"}),
}


class Refund(OfTenant, frozen=True, kw_only=True):
    id: str
    order_id: str
    owner_id: str
    period_start_at: int | None = None
    provider: str
    payment_ref: str
    status: RefundState
    amount: int
    currency: str
    reason: str
    is_named: bool = True
    is_made_at_provider: bool = False
    held_micros: int = 0
    held_grant_micros: int = 0
    provider_refund_id: str | None = None
    detail: str | None = None
    requested_by: str | None = None
    checks_made: int = 0
    requested_at: int | None = None
    next_check_at: int | None = None
    created_at: int
    ended_at: int | None = None
    lease_until: int | None = None

    @property
    def price(self) -> Price:
        return Price(self.amount, self.currency)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def key(self) -> str:
        return self.provider_refund_id or self.id


def move(refund: Refund, status: RefundState, *, now_us: int, detail: str | None = None) -> Refund:
    if status not in MOVES[refund.status]:
        return refund
    is_over = status not in OPEN
    return replace(
        refund,
        status=status,
        detail=detail,
        ended_at=now_us if is_over else None,
        next_check_at=None if is_over else refund.next_check_at,
    )


class Refunds:
    def __init__(self) -> None:
        self.changes = 0
        self._known: dict[str, dict[str, Refund]] = {}
        self._changed: dict[str, Refund] = {}
        self._new: dict[str, Refund] = {}

    def take(self, found: Iterable[Refund]) -> None:
        for one in found:
            self._known.setdefault(one.owner_id, {})[one.id] = one

    def find(self, owner_id: str, refund_id: str) -> Refund | None:
        return self._known.get(owner_id, {}).get(refund_id)

    def of(self, owner_id: str) -> Sequence[Refund]:
        return list(self._known.get(owner_id, {}).values())

    def open_of(self, owner_id: str) -> Refund | None:
        return next((one for one in self.of(owner_id) if one.is_open), None)

    def holding(self, owner_id: str) -> Refund | None:
        return next((one for one in self.of(owner_id) if one.held_micros), None)

    def to_come(self, owner_id: str, reversals: Iterable[Reversal]) -> int:
        open_ = self.open_of(owner_id)
        if open_ is None or any(one.key == open_.key for one in reversals):
            return 0
        return open_.amount

    def refund_of(
        self, owner_id: str, fact: Refunded | RefundFailed | Disputed | DisputeClosed
    ) -> Refund | None:
        """Return our refund that the report is about. It is found by our ID, the provider's ID, or its amount."""
        if not isinstance(fact, Refunded | RefundFailed):
            return None
        named = {fact.key, *fact.subject.objects}
        ours = self.of(owner_id)
        for one in ours:
            if one.id in named or one.provider_refund_id == fact.key:
                return one
        alike = [one for one in ours if not one.is_named and one.provider_refund_id is None]
        near = [one for one in alike if abs(one.amount - fact.price.amount) <= 1]
        return next((one for one in near if one.status != "failed"), None)

    def add(self, refund: Refund) -> None:
        self.changes += 1
        self.take([refund])
        self._new[refund.id] = refund

    def save(self, refund: Refund) -> None:
        self.changes += 1
        self.take([refund])
        (self._new if refund.id in self._new else self._changed)[refund.id] = refund

    async def write(self, tx: Transaction, now_us: int) -> None:
        changed = [one for _, one in sorted(self._changed.items())]
        if changed:
            count = await tx.execute(_UPDATE, rows=[_CHANGED.write(one) for one in changed])
            assert count == len(changed), "a refund vanished under the lock"
        new = [one for _, one in sorted(self._new.items())]
        await tx.insert("refunds", ROWS.columns, [ROWS.write(one) for one in new])
        if any(_is_due(one, now_us) for one in (*new, *changed)):
            tx.hint(HINT)


async def load(tx: Transaction, owner_ids: Iterable[str]) -> list[Refund]:
    rows = await tx.fetch(_LOAD, ids=sorted(set(owner_ids)))
    return [ROWS.read(row) for row in rows]


def _is_due(one: Refund, now_us: int) -> bool:
    return one.next_check_at is not None and one.next_check_at <= now_us


ROWS = RowMapping(Refund)
_CHANGING = (
    "status",
    "held_micros",
    "held_grant_micros",
    "provider_refund_id",
    "detail",
    "checks_made",
    "requested_at",
    "next_check_at",
    "ended_at",
    "lease_until",
)
_CHANGED = ROWS.part("id", *_CHANGING)
_UPDATE = f"""
UPDATE refunds SET {ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE refunds.id = v.id
"""
_LOAD = f"SELECT {ROWS.listed} FROM refunds WHERE owner_id IN :ids[text] ORDER BY id"


class SaleWorkingSet(WorkingSet):
    def __init__(self) -> None:
        self.reversals = Reversals()
        self.refunds = Refunds()
        self._entries: list[LogEntry] = []
        self._changes = 0

    @property
    def changes(self) -> int:  # type: ignore[override]
        return self._changes + self.reversals.changes + self.refunds.changes

    def changed(self) -> None:
        self._changes += 1

    def note(
        self,
        notification: NotificationRef | None,
        owner: tuple[str, str],
        outcome: NotificationOutcome,
        detail: str,
        now_us: int,
        problem: Problem | None = None,
    ) -> None:
        if notification is not None:
            self.changed()
            self._entries.append(
                LogEntry(notification, outcome, now_us, *owner, detail, problem=problem)
            )

    async def write_log(self, tx: Transaction) -> None:
        await event_log.record(tx, self._entries)


_OPEN_LIST = ", ".join(f"'{status}'" for status in sorted(OPEN))


async def find(tx: Transaction, refund_id: str, environment: str = "") -> Refund:
    row = await tx.fetch_one(f"SELECT {ROWS.listed} FROM refunds WHERE id = :id", id=refund_id)
    found = None if row is None else ROWS.read(row)
    if found is None or environment not in {"", found.environment}:
        raise NotFound("Refund")
    return found


async def of_order(tx: Transaction, order_id: str) -> list[Refund]:
    rows = await tx.fetch(
        f"SELECT {ROWS.listed} FROM refunds WHERE order_id = :order_id ORDER BY id DESC",
        order_id=order_id,
    )
    return [ROWS.read(row) for row in rows]


async def page(
    tx: Transaction,
    environment: str,
    *,
    status: str | None = None,
    is_open_only: bool = False,
    order_id: str | None = None,
    account_id: str | None = None,
    before_id: Begin = None,
    limit: int,
) -> list[Refund]:
    rows = await _PAGES.page(
        tx,
        environment=environment,
        status=status,
        order_id=order_id,
        account_id=account_id,
        is_open_only=is_open_only,
        before_id=before_id,
        limit=limit,
    )
    return [ROWS.read(row) for row in rows]


DUE = DueRows("refunds", ROWS)
_PAGES = Keyset(
    ROWS.listed,
    "refunds",
    "environment = :environment",
    filters={
        "status": "status = :status",
        "order_id": "order_id = :order_id",
        "account_id": "account_id = :account_id",
        "is_open_only": f"status IN ({_OPEN_LIST})",
    },
)
