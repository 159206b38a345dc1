"""Move a batch from state to state, cancel it, and publish its end.

Each step is decided under the tenant's lock on the rows as they are, so two processes take it once.
batch.completed is published with the step that ends the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import asdict, replace

from billing.bulk.batch import SendBatch, move
from billing.bulk.working_set import BatchWorkingSet, batches_of
from billing.engine.batch_state import BatchState, ReadSet
from billing.topups.settlement import call_off
from billing.topups.working_set import TopUpWorkingSet, topups_of
from kernel.clock import rfc3339
from kernel.tenant import Tenant
from keys.principal import check_sender


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
            return replace(batch, next_check_at=batch.look_at(state.now_us))
        return self._end(state, move(batch, "completed"))

    def _end(self, state: BatchState, batch: SendBatch) -> SendBatch:
        counts = batches_of(state).counts(batch.id)
        ended = replace(batch, completed_at=state.now_us, next_check_at=None, counts=counts)
        tell_end(state, ended)
        return ended


@dataclass(frozen=True, slots=True)
class TakeBack(_OnBatch):
    """POST /batches/{id}/cancel: returns what isn't delivered yet; a batch that is over stays.

    cancelled_by: a credential's ID. own_key: as of keys.principal.key_bound_to_own. Raises ScopeMissing for
    another key's batch.
    """

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
    """Cancels those of these top-ups that can be; cancelled_by: a credential's ID."""

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


def tell_end(state: BatchState, batch: SendBatch) -> None:
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
