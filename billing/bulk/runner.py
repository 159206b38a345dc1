"""Advance a bulk send as far as possible.

A run can safely stop at any point, and two processes can safely run the same batch.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from billing.bulk import batch as batches, item as items
from billing.bulk.acceptance import (
    AcceptItems,
    BatchQuote,
    BatchRehearsal,
    DropItems,
    ItemSend,
    OpenBatch,
    ReleaseItems,
    UndoItems,
)
from billing.bulk.batch import GRACE_US, SendBatch
from billing.bulk.item import BatchItem, ItemRefusal, ItemRequest
from billing.bulk.progress import AdvanceBatch, CancelItems, TakeBack
from billing.engine.engine import Engine
from billing.topups.platform import Platforms
from billing.topups.rules import TopUpRules
from billing.topups.send import Send, SendRequest
from kernel.clock import Clock
from kernel.errors import DomainError
from kernel.ids import new_id
from kernel.tenant import Tenant
from store.database import Database

STEP_ITEMS: Final = 250


class BulkLine(NamedTuple):
    request: SendRequest | DomainError
    reference: str | None


class Bulk(NamedTuple):
    tenant: Tenant
    lineage: tuple[str, ...]
    lines: Sequence[BulkLine]
    is_all_or_nothing: bool = False
    request_digest: str | None = None
    sent_by: str | None = None


class BatchRunner:
    def __init__(self, database: Database, clock: Clock, engine: Engine) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine

    async def rehearse(self, bulk: Bulk) -> BatchQuote:
        sends = [
            ItemSend(number, _send(bulk, new_id("txn"), line))
            for number, line in enumerate(bulk.lines)
        ]
        return await self._engine.rehearse(BatchRehearsal(bulk.tenant, sends))

    async def accept(self, bulk: Bulk) -> SendBatch:
        """Accept or refuse every item durably, then return the batch.

        If this raises Unavailable, a worker continues. A repeated call with the same Idempotency-Key then finds the
        batch.
        """
        digest = bulk.request_digest
        if digest is not None:
            opened = await self._database.read(
                lambda tx: batches.find_by_request(tx, bulk.tenant, digest)
            )
            if opened is not None:
                return await self.run(opened)
        refused: Mapping[int, DomainError] = {}
        if bulk.is_all_or_nothing:
            refused = (await self.rehearse(bulk)).refused
        batch, lines = self.opening(bulk, refused)
        await self._engine.submit(OpenBatch(batch, lines))
        if batch.status == "accepting":
            waiting = [one for one in lines if one.state == "waiting"]
            sends = [
                ItemSend(one.number, _send(bulk, one.transaction_id, bulk.lines[one.number]))
                for one in waiting
            ]
            await self._accept(batch, sends)
        return await self.run(batch)

    async def cancel(
        self, tenant: Tenant, batch_id: str, cancelled_by: str, *, own_key: str | None
    ) -> SendBatch:
        command = TakeBack(batch_id, tenant, cancelled_by=cancelled_by, own_key=own_key)
        return await self.run(await self._engine.submit(command))

    async def run(self, batch: SendBatch) -> SendBatch:
        is_sure = False
        while True:
            batch = await self._engine.submit(AdvanceBatch(batch.id, batch.tenant))
            if batch.completed_at is not None:
                return batch
            if not await self._step(batch):
                # Another process may have accepted the last items, so check the batch once more.
                if batch.status != "accepting" or is_sure:
                    return batch
                is_sure = True

    async def _step(self, batch: SendBatch) -> bool:
        if batch.status == "accepting":
            return await self._accept_left(batch)
        if batch.status in {"releasing", "undoing"}:
            return await self._end_reserved(batch)
        if batch.cancelled_by is not None:
            return await self._cancel(batch)
        return False

    async def _accept(self, batch: SendBatch, sends: Sequence[ItemSend]) -> None:
        for first in range(0, len(sends), STEP_ITEMS):
            some = sends[first : first + STEP_ITEMS]
            refused = await self._engine.submit(AcceptItems(batch.id, batch.tenant, some))
            if refused and batch.is_all_or_nothing:
                rest = [one.number for one in sends[first + STEP_ITEMS :]]
                await self._engine.submit(DropItems(batch.id, batch.tenant, rest))
                return

    async def _accept_left(self, batch: SendBatch) -> bool:
        left = await self._database.read(
            lambda tx: items.in_state(tx, batch.id, "waiting", limit=batch.items)
        )
        platforms = self._engine.rules.of(TopUpRules).platforms.of(batch.environment)
        await self._accept(
            batch, [ItemSend(one.number, _send_again(batch, one, platforms)) for one in left]
        )
        return bool(left)

    async def _end_reserved(self, batch: SendBatch) -> bool:
        command = ReleaseItems if batch.status == "releasing" else UndoItems
        reserved = await self._database.read(
            lambda tx: items.in_state(tx, batch.id, "reserved", limit=STEP_ITEMS)
        )
        if reserved:
            await self._engine.submit(command(batch.id, batch.tenant, batch.spent_by, reserved))
        return bool(reserved)

    async def _cancel(self, batch: SendBatch) -> bool:
        ids = await self._database.read(lambda tx: items.to_cancel(tx, batch.id, limit=STEP_ITEMS))
        if ids:
            await self._engine.submit(CancelItems(batch.tenant, ids, batch.cancelled_by or ""))
        return bool(ids)

    def opening(
        self, bulk: Bulk, refused: Mapping[int, DomainError]
    ) -> tuple[SendBatch, list[BatchItem]]:
        now_us = self._clock.now_us()
        batch_id = new_id("bat")
        lines = [
            _item(batch_id, number, line, refused.get(number))
            for number, line in enumerate(bulk.lines)
        ]
        has_refused = any(one.state == "refused" for one in lines)
        is_over = bulk.is_all_or_nothing and has_refused
        if is_over:
            lines = [
                one if one.state == "refused" else msgspec.structs.replace(one, state="dropped")
                for one in lines
            ]
        batch = SendBatch(
            id=batch_id,
            account_id=bulk.tenant.account_id,
            environment=bulk.tenant.environment,
            spent_by=bulk.lineage,
            status="undoing" if is_over else "accepting",
            is_all_or_nothing=bulk.is_all_or_nothing,
            items=len(lines),
            created_at=now_us,
            request_digest=bulk.request_digest,
            next_check_at=now_us + GRACE_US,
            sent_by=bulk.sent_by,
        )
        return batch, lines


def _item(batch_id: str, number: int, line: BulkLine, refusal: DomainError | None) -> BatchItem:
    request = line.request
    if isinstance(request, DomainError):
        refusal = request
    return BatchItem(
        batch_id=batch_id,
        number=number,
        transaction_id=new_id("txn"),
        state="waiting" if refusal is None else "refused",
        reference=line.reference,
        request=None if isinstance(request, DomainError) else ItemRequest.of(request),
        refusal=None if refusal is None else ItemRefusal.of(refusal),
    )


def _send(bulk: Bulk, topup_id: str, line: BulkLine) -> Send | DomainError:
    if isinstance(line.request, DomainError):
        return line.request
    return Send(topup_id, bulk.tenant, bulk.lineage, line.request, sent_by=bulk.sent_by)


def _send_again(batch: SendBatch, item: BatchItem, platforms: Platforms) -> Send | DomainError:
    assert item.request is not None, "what waits could be read"
    try:
        request = item.request.prepare(platforms, batch.account_id)
    except DomainError as refusal:
        return refusal
    return Send(item.transaction_id, batch.tenant, batch.spent_by, request, sent_by=batch.sent_by)
