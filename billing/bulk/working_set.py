"""The batches of one transaction, with the items that its commands decide on.

A batch is read after its tenant is locked; one of an unlocked tenant doesn't exist here.
"""

from collections.abc import Iterable, Sequence

from billing.bulk import batch as batches, item as items
from billing.bulk.batch import BatchCounts, SendBatch
from billing.bulk.item import BatchItem
from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.topups import topup as topups
from billing.topups.topup import TopUp
from billing.topups.working_set import IntentKey, free_intents
from kernel.errors import NotFound
from kernel.tenant import Tenant
from store.database import Transaction


class BatchWorkingSet(WorkingSet):
    """Commands add in `declare`: ids, numbers (of items, by batch), counted."""

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
        """Write after the top-ups' update, which frees their references here."""
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
