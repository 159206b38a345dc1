"""Reversals of delivered top-ups: who requested them, why, and the outcome.

A top-up has at most one, so its supplier's no is final unless an operator decides otherwise. While
a reversal is open its top-up is reversing. The caller holds the account's lock.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet, WorkingSet
from billing.topups.topup import HINT
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

ReversalOutcome = Literal["reversed", "kept"]


class TopUpReversal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row of topup_reversals. requested_by null: the operator. checks_made: calls of the supplier.
    next_check_at null: no more calls. detail: why the top-up was kept.
    """

    transaction_id: str
    account_id: str
    environment: str
    reason: str
    requested_by: str | None = None
    requested_at: int
    checks_made: int = 0
    next_check_at: int | None = None
    outcome: ReversalOutcome | None = None
    detail: str | None = None
    ended_at: int | None = None


class DueReversal(msgspec.Struct, frozen=True, gc=False):
    id: str
    tenant: Tenant
    supplier: str | None
    checks_made: int
    recipient_email: str

    @property
    def place(self) -> str:
        """Return environment and supplier as one word; neither has a slash."""
        return f"{self.tenant.environment}/{self.supplier}"


class ReversalWorkingSet(WorkingSet):
    rank = 14

    def __init__(self) -> None:
        self.topup_ids: set[str] = set()
        self._reversals: dict[str, TopUpReversal] = {}
        self._new: dict[str, TopUpReversal] = {}
        self._changed: dict[str, TopUpReversal] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        self._reversals = await load(tx, self.topup_ids)

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        if not self._changed:
            return
        rows = [_CHANGED.write(one) for _, one in sorted(self._changed.items())]
        changed = await tx.execute(_UPDATE, rows=rows)
        assert changed == len(rows), "a reversal that had not ended vanished under the lock"

    async def insert(self, tx: Transaction) -> None:
        rows = [_ROWS.write(one) for one in self._new.values()]
        await tx.insert_deferred("topup_reversals", _ROWS.columns, rows)

    def hints(self) -> Iterable[str]:
        written = (*self._new.values(), *self._changed.values())
        return (HINT,) if any(one.next_check_at is not None for one in written) else ()

    def of(self, topup_id: str) -> TopUpReversal | None:
        return self._reversals.get(topup_id)

    def put(self, reversal: TopUpReversal) -> None:
        self.changes += 1
        topup_id = reversal.transaction_id
        is_new = topup_id not in self._reversals or topup_id in self._new
        self._reversals[topup_id] = reversal
        (self._new if is_new else self._changed)[topup_id] = reversal


def reversals_of(state: BatchState) -> ReversalWorkingSet:
    return state.working_set(ReversalWorkingSet)


async def load(tx: Transaction, topup_ids: Iterable[str]) -> dict[str, TopUpReversal]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM topup_reversals WHERE transaction_id IN :ids[text]",
        ids=sorted(set(topup_ids)),
    )
    return {row["transaction_id"]: _ROWS.read(row) for row in rows}


async def due_reversals(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> list[DueReversal]:
    without = "AND NOT r.transaction_id IN :exclude_ids[text]" if exclude_ids else ""
    if exclude_keys:
        without += """ AND (t.supplier IS NULL
            OR NOT r.environment || '/' || t.supplier IN :exclude_keys[text])"""
    rows = await tx.fetch(
        f"""SELECT r.transaction_id, r.account_id, r.environment, t.supplier, r.checks_made,
                t.recipient_email
            FROM topup_reversals r JOIN topups t ON t.id = r.transaction_id
            WHERE r.ended_at IS NULL AND r.next_check_at <= :now {without}
            ORDER BY r.next_check_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        **({"exclude_ids": exclude_ids} if exclude_ids else {}),
        **({"exclude_keys": exclude_keys} if exclude_keys else {}),
    )
    return [DueReversal(row[0], Tenant(row[1], row[2]), *row[3:6]) for row in rows]


async def postpone_reversal(tx: Transaction, topup_id: str, until: int) -> None:
    await tx.execute(
        """UPDATE topup_reversals SET next_check_at = :until
           WHERE transaction_id = :id AND ended_at IS NULL AND next_check_at < :until""",
        id=topup_id,
        until=until,
    )


async def next_reversal_at(tx: Transaction, *, exclude_ids: Sequence[str] = ()) -> int | None:
    without = "AND NOT transaction_id IN :exclude_ids[text]" if exclude_ids else ""
    row = await tx.fetch_one(
        f"""SELECT next_check_at FROM topup_reversals
            WHERE ended_at IS NULL AND next_check_at IS NOT NULL {without}
            ORDER BY next_check_at LIMIT 1""",
        **({"exclude_ids": exclude_ids} if exclude_ids else {}),
    )
    return None if row is None else int(row["next_check_at"])


_ROWS = RowMapping(TopUpReversal)
_CHANGING = ("reason", "checks_made", "next_check_at", "outcome", "detail", "ended_at")
_CHANGED = _ROWS.part("transaction_id", *_CHANGING)
_UPDATE = f"""
UPDATE topup_reversals SET {_ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE topup_reversals.transaction_id = v.transaction_id
  AND (topup_reversals.outcome IS NULL OR topup_reversals.outcome = 'kept')
"""
