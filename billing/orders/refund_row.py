"""Refunds requested here: how much to return, and how far that is.

unknown: there is no clear word. Until the provider reports an open one's money gone, its share of credit is
in HELD (held_micros). A payment has one open refund, by a unique index. Only `move` changes the state.
Writers hold the account's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import WorkingSet
from billing.ledger.price import Price
from billing.orders.refund import Reversal, Reversals
from billing.providers import event_log
from billing.providers.event_log import LogEntry, NotificationOutcome, NotificationRef
from billing.providers.problem import Problem
from billing.providers.protocol import DisputeClosed, Disputed, Refunded, RefundFailed
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

RefundState = Literal["requested", "unknown", "pending", "succeeded", "failed"]
OPEN: frozenset[RefundState] = frozenset({"requested", "unknown", "pending"})
HINT = "refunds"
# A failed one succeeds if an operator gave it up too soon, and a succeeded one fails if a bank returns it.
MOVES: Mapping[RefundState, frozenset[RefundState]] = {
    "requested": frozenset({"unknown", "pending", "succeeded", "failed"}),
    "unknown": frozenset({"pending", "succeeded", "failed"}),
    "pending": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"failed"}),
    "failed": frozenset({"succeeded"}),
}


class Refund(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    account_id: str
    environment: str
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
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def price(self) -> Price:
        return Price(self.amount, self.currency)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def key(self) -> str:
        """Return its reversal's name: the provider's ID, or ours without one."""
        return self.provider_refund_id or self.id


def move(refund: Refund, status: RefundState, *, now_us: int, detail: str | None = None) -> Refund:
    """Return it in another state, or unchanged if no move leads there."""
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

    def told_of(
        self, owner_id: str, fact: Refunded | RefundFailed | Disputed | DisputeClosed
    ) -> Refund | None:
        """Return our refund that the fact is about, by either ID. Without IDs, by its sum: it fits at most
        one refund without a known ID.
        """
        if not isinstance(fact, Refunded | RefundFailed):
            return None
        named = {fact.key, *fact.subject.objects}
        ours = self.of(owner_id)
        for one in ours:
            if one.id in named or one.provider_refund_id == fact.key:
                return one
        alike = [one for one in ours if not one.is_named and one.provider_refund_id is None]
        # The provider's rounding of a tax may move it by one.
        near = [one for one in alike if abs(one.amount - fact.price.amount) <= 1]
        return next((one for one in near if one.status != "failed"), None)

    def add(self, refund: Refund) -> None:
        self.changes += 1
        self.take([refund])
        self._new[refund.id] = refund

    def keep(self, refund: Refund) -> None:
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
        """Record the notification's outcome. owner: an account and its order."""
        if notification is not None:
            self.changed()
            self._entries.append(
                LogEntry(notification, outcome, now_us, *owner, detail, problem=problem)
            )

    async def write_log(self, tx: Transaction) -> None:
        await event_log.record(tx, self._entries)
