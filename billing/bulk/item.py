"""Store a bulk send's items.

An item's top-up ID is chosen before the first attempt, so that a retry finds the same top-up.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from billing.bulk.batch import BatchCounts
from billing.topups.platform import Platforms
from billing.topups.send import SendRequest, prepare
from billing.topups.topup import DeliveryOptions, TopUpStatus
from kernel.errors import DomainError
from store.database import Transaction
from store.row_mapping import RowMapping, as_json

ItemState = Literal["waiting", "reserved", "accepted", "refused", "dropped"]


class ItemRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item's request. `fee_cents` is the quoted fee. Without a quote, it is the fee at the batch's creation."""

    platform: str
    amount_cents: int
    recipient_email: str
    reference: str
    metadata: Mapping[str, str] | None = None
    note: str | None = None
    delivery: DeliveryOptions | None = None
    send_at: int | None = None
    fee_cents: int = 0
    quote_ends_at: int | None = None
    is_distinct: bool = False
    intent: str | None = None

    @staticmethod
    def of(request: SendRequest) -> "ItemRequest":
        assert request.reference is not None, "an item has a reference"
        return ItemRequest(
            platform=request.platform.id,
            amount_cents=request.amount_cents,
            recipient_email=request.recipient_email,
            reference=request.reference,
            metadata=request.metadata,
            note=request.note,
            delivery=request.delivery,
            send_at=request.send_at,
            fee_cents=request.fee_cents,
            quote_ends_at=request.quote_ends_at,
            is_distinct=request.is_distinct,
            intent=request.intent,
        )

    def prepare(self, platforms: Platforms, account_id: str) -> SendRequest:
        fields = msgspec.structs.asdict(self)
        price = {name: fields.pop(name) for name in ("fee_cents", "quote_ends_at")}
        request = prepare(platforms, account_id=account_id, **fields)
        return msgspec.structs.replace(request, **price)


class ItemRefusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    kind: str
    detail: str
    param: str | None = None
    reason: str | None = None
    retry_after_s: int | None = None
    extra: Mapping[str, Any] = {}

    @staticmethod
    def of(error: DomainError) -> "ItemRefusal":
        return ItemRefusal(
            kind=type(error).__name__,
            detail=error.detail,
            param=error.param,
            reason=error.reason,
            retry_after_s=error.retry_after_s,
            extra=error.extra,
        )


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a batch. `number` starts at 0. `request` is None if the item couldn't be read."""

    batch_id: str
    number: int
    transaction_id: str
    state: ItemState
    reference: str | None = None
    request: ItemRequest | None = None
    refusal: ItemRefusal | None = None


class ListedItem(NamedTuple):
    item: BatchItem
    topup_status: str | None


async def load(tx: Transaction, batch_id: str, numbers: Sequence[int]) -> dict[int, BatchItem]:
    if not numbers:
        return {}
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM batch_items
            WHERE batch_id = :batch_id AND number >= :first AND number <= :last""",
        batch_id=batch_id,
        first=min(numbers),
        last=max(numbers),
    )
    return {row["number"]: _ROWS.read(row) for row in rows}


async def in_state(
    tx: Transaction, batch_id: str, state: ItemState, *, limit: int
) -> list[BatchItem]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM batch_items
            WHERE batch_id = :batch_id AND state = :state ORDER BY number LIMIT :limit""",
        batch_id=batch_id,
        state=state,
        limit=limit,
    )
    return [_ROWS.read(row) for row in rows]


async def refused(tx: Transaction, batch_id: str) -> list[BatchItem]:
    return await in_state(tx, batch_id, "refused", limit=-1 + 2**31)


async def to_cancel(tx: Transaction, batch_id: str, *, limit: int) -> list[str]:
    rows = await tx.fetch(
        """SELECT t.id FROM batch_items i JOIN topups t ON t.id = i.transaction_id
           WHERE i.batch_id = :batch_id AND i.state = 'accepted'
             AND t.status IN ('pending', 'scheduled') AND t.handed_over_at IS NULL
           ORDER BY i.number LIMIT :limit""",
        batch_id=batch_id,
        limit=limit,
    )
    return [row["id"] for row in rows]


async def page(
    tx: Transaction, batch_id: str, *, status: str | None, after: int, limit: int
) -> list[ListedItem]:
    """Return a page of items. If `status` is `waiting`, include reserved items."""
    only = "" if status is None else "AND COALESCE(t.status, i.state) IN :places[text]"
    places = ["waiting", "reserved"] if status == "waiting" else [status]
    named = {} if status is None else {"places": places}
    rows = await tx.fetch(
        f"""SELECT {_ROWS.of("i")}, t.status AS topup_status
            FROM batch_items i LEFT JOIN topups t
                ON t.id = i.transaction_id AND i.state = 'accepted'
            WHERE i.batch_id = :batch_id AND i.number > :after {only}
            ORDER BY i.number LIMIT :limit""",
        batch_id=batch_id,
        after=after,
        limit=limit,
        **named,
    )
    return [ListedItem(_ROWS.read(row), row["topup_status"]) for row in rows]


async def count(tx: Transaction, batch_ids: Sequence[str]) -> dict[str, BatchCounts]:
    rows = await tx.fetch(_COUNT, ids=sorted(set(batch_ids)))
    counted: dict[str, dict[str, int]] = {one: {} for one in batch_ids}
    for batch_id, place, number, cents, fee_cents in rows:
        batch = counted[batch_id]
        name = "waiting" if place == "reserved" else place
        batch[name] = batch.get(name, 0) + int(number)
        if place in _TOPUP_STATES:
            batch["accepted_cents"] = batch.get("accepted_cents", 0) + int(cents or 0)
            batch["fee_cents"] = batch.get("fee_cents", 0) + int(fee_cents or 0)
        if place == "delivered":
            batch["delivered_cents"] = int(cents or 0)
    return {batch_id: BatchCounts(**each) for batch_id, each in counted.items()}


async def count_states(tx: Transaction, batch_id: str) -> dict[str, int]:
    rows = await tx.fetch(
        "SELECT state, COUNT(*) AS number FROM batch_items WHERE batch_id = :id GROUP BY state",
        id=batch_id,
    )
    return {row["state"]: int(row["number"]) for row in rows}


async def insert(tx: Transaction, items: Sequence[BatchItem]) -> None:
    await tx.insert("batch_items", _ROWS.columns, [_ROWS.write(one) for one in items])


async def update(tx: Transaction, items: Sequence[BatchItem]) -> None:
    if not items:
        return
    rows = [
        _CHANGED.write(one) for one in sorted(items, key=lambda one: (one.batch_id, one.number))
    ]
    changed = await tx.execute(_UPDATE, rows=rows)
    assert changed == len(items), "an item vanished under the lock"


_TOPUP_STATES = frozenset(get_args(TopUpStatus))
_ROWS = RowMapping(
    BatchItem, stored={"request": as_json(ItemRequest), "refusal": as_json(ItemRefusal)}
)
_CHANGED = _ROWS.part("batch_id", "number", "state", "refusal")
_UPDATE = f"""
UPDATE batch_items SET state = v.state, refusal = v.refusal FROM :rows[{_CHANGED.typed}] AS v
WHERE batch_items.batch_id = v.batch_id AND batch_items.number = v.number
"""
_COUNT = """
SELECT i.batch_id, COALESCE(t.status, i.state) AS place, COUNT(*) AS number,
    SUM(t.amount_cents) AS cents, SUM(t.fee_cents) AS fee_cents
FROM batch_items i
LEFT JOIN topups t ON t.id = i.transaction_id AND i.state = 'accepted'
WHERE i.batch_id IN :ids[text]
GROUP BY i.batch_id, COALESCE(t.status, i.state)
"""
