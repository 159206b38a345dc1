"""Change a batch's state, cancel it, and publish an event when it ends.

Each step reads the current rows under the tenant's lock, so that no step is taken twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import asdict, replace

from billing.bulk import batch as batches, item as items
from billing.bulk.batch import BatchCounts, SendBatch, move
from billing.bulk.item import BatchItem
from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.topups import topup as topups
from billing.topups.settlement import call_off
from billing.topups.topup import TopUp
from billing.topups.working_set import IntentKey, TopUpWorkingSet, free_intents, topups_of
from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.principal import check_sender
from store.database import Transaction


class BatchWorkingSet(WorkingSet):
    rank = 13

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.numbers: dict[str, list[int]] = {}
        self.counted: set[str] = set()
        self._batches: dict[str, SendBatch] = {}
        self._items: dict[str, dict[int, BatchItem]] = {}
        self._states: dict[str, dict[str, int]] = {}
        self._counts: dict[str, BatchCounts] = {}
        self._new: list[SendBatch] = []
        self._new_items: list[BatchItem] = []
        self._changed: dict[str, SendBatch] = {}
        self._changed_items: list[BatchItem] = []
        self._freed: list[str] = []
        self._freed_intents: list[IntentKey] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        if not self.ids:
            return
        found = await batches.load(tx, sorted(self.ids))
        self._batches = {i: found[i] for i in found if found[i].tenant in read_set.tenants}
        for batch_id, numbers in sorted(self.numbers.items()):
            self._items[batch_id] = await items.load(tx, batch_id, numbers)
        for batch_id in sorted(self.counted):
            self._states[batch_id] = await items.count_states(tx, batch_id)
        if self.counted:
            self._counts = await items.count(tx, sorted(self.counted))

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        """Write the batches and items, then free the references of dropped top-ups. The caller must already have
        written those top-ups.
        """
        await batches.insert(tx, self._new)
        await items.insert(tx, self._new_items)
        await batches.update(tx, list(self._changed.values()))
        await items.update(tx, self._changed_items)
        if self._freed:
            await topups.free_references(tx, self._freed)
        if self._freed_intents:
            await free_intents(tx, self._freed_intents)

    def hints(self) -> Iterable[str]:
        written = (*self._new, *self._changed.values())
        return (batches.HINT,) if any(one.next_check_at is not None for one in written) else ()

    def find(self, batch_id: str, tenant: Tenant) -> SendBatch:
        found = self._batches.get(batch_id)
        if found is None or found.tenant != tenant:
            raise NotFound("Batch", param="batch_id")
        return found

    def item(self, batch_id: str, number: int) -> BatchItem:
        return self._items[batch_id][number]

    def states(self, batch_id: str) -> dict[str, int]:
        return self._states[batch_id]

    def counts(self, batch_id: str) -> BatchCounts:
        return self._counts[batch_id]

    def add(self, batch: SendBatch, lines: Sequence[BatchItem]) -> None:
        self.changes += 1
        self._new.append(batch)
        self._new_items += lines

    def change(self, batch: SendBatch) -> None:
        self.changes += 1
        self._batches[batch.id] = self._changed[batch.id] = batch

    def change_item(self, item: BatchItem) -> None:
        self.changes += 1
        self._items[item.batch_id][item.number] = item
        self._changed_items.append(item)

    def free_names(self, topup: TopUp, item: BatchItem) -> None:
        self.changes += 1
        self._freed.append(topup.id)
        if item.request is not None and item.request.intent is not None:
            self._freed_intents.append((*topup.tenant, item.request.intent))


def batches_of(state: BatchState) -> BatchWorkingSet:
    return state.working_set(BatchWorkingSet)


@dataclass(frozen=True, slots=True)
class _OnBatch:
    batch_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        working_set = read_set.working_set(BatchWorkingSet)
        working_set.ids.add(self.batch_id)
        working_set.counted.add(self.batch_id)


@dataclass(frozen=True, slots=True)
class AdvanceBatch(_OnBatch):
    def decide(self, state: BatchState) -> SendBatch:
        batch = batches_of(state).find(self.batch_id, self.tenant)
        advanced = self._after_acceptance(state, batch)
        if advanced.status == "running":
            advanced = self._after_running(state, advanced)
        if advanced != batch:
            batches_of(state).change(advanced)
        return advanced

    def _after_acceptance(self, state: BatchState, batch: SendBatch) -> SendBatch:
        states = batches_of(state).states(batch.id)
        if batch.status == "accepting" and not states.get("waiting"):
            if not batch.is_all_or_nothing:
                return replace(move(batch, "running"), accepted_at=state.now_us)
            return move(batch, "undoing" if states.get("refused") else "releasing")
        if batch.status == "releasing" and not states.get("reserved"):
            return replace(move(batch, "running"), accepted_at=state.now_us)
        if batch.status == "undoing" and not states.get("reserved"):
            return self._end(state, move(batch, "refused"))
        return batch

    def _after_running(self, state: BatchState, batch: SendBatch) -> SendBatch:
        if batches_of(state).counts(batch.id).is_open:
            return replace(batch, next_check_at=batch.check_after(state.now_us))
        return self._end(state, move(batch, "completed"))

    def _end(self, state: BatchState, batch: SendBatch) -> SendBatch:
        counts = batches_of(state).counts(batch.id)
        ended = replace(batch, completed_at=state.now_us, next_check_at=None, counts=counts)
        publish_end(state, ended)
        return ended


@dataclass(frozen=True, slots=True)
class TakeBack(_OnBatch):
    """Cancel a batch's undelivered top-ups. Raise ScopeMissing if `own_key` is set but didn't send the batch."""

    cancelled_by: str
    own_key: str | None

    def decide(self, state: BatchState) -> SendBatch:
        batch = batches_of(state).find(self.batch_id, self.tenant)
        check_sender(self.own_key, batch.spent_by)
        if batch.completed_at is not None or batch.cancelled_at is not None:
            return batch
        cancelled = replace(
            batch,
            cancelled_at=state.now_us,
            cancelled_by=self.cancelled_by,
            next_check_at=state.now_us,
        )
        batches_of(state).change(cancelled)
        return cancelled


@dataclass(frozen=True, slots=True)
class CancelItems:
    tenant: Tenant
    topup_ids: Sequence[str]
    cancelled_by: str

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(TopUpWorkingSet).ids.update(self.topup_ids)

    def decide(self, state: BatchState) -> None:
        for topup_id in self.topup_ids:
            topup = topups_of(state).find(topup_id, self.tenant)
            is_open = topup is not None and topup.status in {"scheduled", "pending"}
            if topup is not None and is_open and topup.handed_over_at is None:
                call_off(state, topup, by=self.cancelled_by)


def publish_end(state: BatchState, batch: SendBatch) -> None:
    counts = batch.counts
    assert counts is not None, "a batch that is over has its counts"
    data = {
        "id": batch.id,
        "status": batch.status,
        "all_or_nothing": batch.is_all_or_nothing,
        "items": batch.items,
        "counts": {**asdict(counts), "accepted": counts.accepted},
        "created_at": rfc3339(batch.created_at),
        "cancelled_at": None if batch.cancelled_at is None else rfc3339(batch.cancelled_at),
        "completed_at": rfc3339(batch.completed_at or state.now_us),
    }
    state.publish(batch.tenant, "batch.completed", data)
