"""Store batches, each with the top-ups of one bulk send. An Idempotency-Key belongs to only one batch."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from kernel.clock import SECOND_US
from kernel.tenant import OfTenant, Tenant
from store.database import Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import WORDS_OR_NULL, RowMapping, as_json

BatchStatus = Literal["accepting", "releasing", "undoing", "refused", "running", "completed"]
ITEMS_MAX: Final = 1_000
HINT: Final = "batches"
# After this time, a worker takes over a batch from the process that received the call.
GRACE_US: Final = 30 * SECOND_US
# The delay between checks of a running batch is an eighth of the batch's age, within these limits.
LOOK_US_MIN: Final = 2 * SECOND_US
LOOK_US_MAX: Final = 30 * SECOND_US

MOVES: Mapping[BatchStatus, frozenset[BatchStatus]] = {
    "accepting": frozenset({"running", "releasing", "undoing"}),
    "releasing": frozenset({"running"}),
    "undoing": frozenset({"refused"}),
    "running": frozenset({"completed"}),
    "refused": frozenset(),
    "completed": frozenset(),
}


class BatchCounts(msgspec.Struct, frozen=True, kw_only=True):
    waiting: int = 0
    refused: int = 0
    dropped: int = 0
    scheduled: int = 0
    pending: int = 0
    delivered: int = 0
    failed: int = 0
    cancelled: int = 0
    reversing: int = 0
    reversed: int = 0
    accepted_cents: int = 0
    delivered_cents: int = 0
    fee_cents: int = 0

    @property
    def accepted(self) -> int:
        waits = self.scheduled + self.pending
        came = self.delivered + self.reversing + self.reversed
        return waits + came + self.failed + self.cancelled

    @property
    def is_open(self) -> bool:
        return bool(self.scheduled or self.pending)


class SendBatch(OfTenant, frozen=True, gc=True, kw_only=True):
    id: str
    spent_by: tuple[str, ...]
    status: BatchStatus
    is_all_or_nothing: bool
    items: int
    created_at: int
    request_digest: str | None = None
    accepted_at: int | None = None
    cancelled_at: int | None = None
    cancelled_by: str | None = None
    completed_at: int | None = None
    next_check_at: int | None = None
    counts: BatchCounts | None = None
    # The person (Principal.sender) who sent the batch, or null if a key sent it.
    sent_by: str | None = None

    @property
    def key_id(self) -> str | None:
        return self.spent_by[0] if self.spent_by else None

    def check_after(self, now_us: int) -> int:
        age_us = now_us - self.created_at
        return now_us + min(LOOK_US_MAX, max(LOOK_US_MIN, age_us // 8))


def move(batch: SendBatch, status: BatchStatus) -> SendBatch:
    assert status in MOVES[batch.status], f"a batch does not go from {batch.status} to {status}"
    return msgspec.structs.replace(batch, status=status)


class DueBatch(NamedTuple):
    batch: SendBatch
    is_waiting: bool


async def load(tx: Transaction, ids: Sequence[str]) -> dict[str, SendBatch]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM batches WHERE id IN :ids[text]", ids=sorted(set(ids))
    )
    return {row["id"]: _ROWS.read(row) for row in rows}


async def find_by_request(tx: Transaction, tenant: Tenant, digest: str) -> SendBatch | None:
    row = await tx.fetch_one(
        f"""SELECT {_ROWS.listed} FROM batches
            WHERE account_id = :account_id AND environment = :environment
              AND request_digest = :digest""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        digest=digest,
    )
    return None if row is None else _ROWS.read(row)


async def page(tx: Transaction, tenant: Tenant, *, before_id: Begin, limit: int) -> list[SendBatch]:
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit)
    return [_ROWS.read(row) for row in rows]


async def due(
    tx: Transaction, *, now_us: int, limit: int, exclude_ids: Sequence[str] = ()
) -> list[DueBatch]:
    rows = await tx.fetch(_DUE, now=now_us, limit=limit, exclude_ids=exclude_ids)
    return [DueBatch(_ROWS.read(row), bool(row["is_waiting"])) for row in rows]


async def next_check_at(tx: Transaction, *, exclude_ids: Sequence[str] = ()) -> int | None:
    row = await tx.fetch_one(
        """SELECT MIN(next_check_at) AS look_at FROM batches
           WHERE next_check_at IS NOT NULL AND NOT id IN :exclude_ids[text]""",
        exclude_ids=exclude_ids,
    )
    return None if row is None or row["look_at"] is None else int(row["look_at"])


async def postpone(tx: Transaction, batches: Sequence[SendBatch], *, now_us: int) -> None:
    await tx.execute(
        """UPDATE batches SET next_check_at = v.look_at
           FROM :rows[id text, seen_at bigint, look_at bigint] AS v
           WHERE batches.id = v.id AND batches.next_check_at = v.seen_at""",
        rows=[(one.id, one.next_check_at, one.check_after(now_us)) for one in batches],
    )


async def insert(tx: Transaction, batches: Sequence[SendBatch]) -> None:
    await tx.insert("batches", _ROWS.columns, [_ROWS.write(one) for one in batches])


async def update(tx: Transaction, batches: Sequence[SendBatch]) -> None:
    if not batches:
        return
    rows = [_CHANGED.write(one) for one in sorted(batches, key=lambda one: one.id)]
    changed = await tx.execute(_UPDATE, rows=rows)
    assert changed == len(batches), "a batch vanished under the lock"


_ROWS = RowMapping(SendBatch, stored={"spent_by": WORDS_OR_NULL, "counts": as_json(BatchCounts)})
_CHANGING = (
    "status",
    "accepted_at",
    "cancelled_at",
    "cancelled_by",
    "completed_at",
    "next_check_at",
    "counts",
)
_CHANGED = _ROWS.part("id", *_CHANGING)
_UPDATE = f"""
UPDATE batches SET {_ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE batches.id = v.id
"""
_PAGES = Keyset(_ROWS.listed, "batches", "account_id = :account_id AND environment = :environment")
# Search only for the first open top-up, so that checking a waiting batch stays cheap.
_DUE = f"""
SELECT {_ROWS.of("b")},
    CASE WHEN b.status = 'running' AND b.cancelled_at IS NULL AND EXISTS (
        SELECT 1 FROM batch_items i JOIN topups t ON t.id = i.transaction_id
        WHERE i.batch_id = b.id AND t.status IN ('pending', 'scheduled'))
    THEN 1 ELSE 0 END AS is_waiting
FROM batches b
WHERE b.next_check_at IS NOT NULL AND b.next_check_at <= :now AND NOT b.id IN :exclude_ids[text]
ORDER BY b.next_check_at LIMIT :limit
"""
