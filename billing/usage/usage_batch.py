"""Many records of usage in one command: each with its own verdict, all in one transaction.

Items are charged in order and commit with their answer. A refused item leaves the others, so a smaller one
after it may still fit a cap or balance.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import msgspec

from billing.engine.batch_state import BatchState, ReadSet
from billing.engine.spending import Lineage
from billing.usage.price_list import UnknownModel
from billing.usage.usage import UsageItem, UsageRecord, UsageWorkingSet, charge, declare_usage
from kernel.errors import DomainError
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.principal import Principal

RECORDS_MAX: Final = 1_000
# Each takes a few microseconds: so many are decided without a pause.
_STEP_RECORDS: Final = 100


class Charged(msgspec.Struct, frozen=True, gc=False):
    """is_repeated: it was charged before, and is free now."""

    record: UsageRecord
    is_repeated: bool


RecordVerdict = Charged | DomainError


class UsedBatch(msgspec.Struct, frozen=True, gc=False):
    """Each item's verdict in order, and the balance after all, in micros."""

    verdicts: Sequence[RecordVerdict]
    balance_micros: int
    now_us: int


class UseBatch(msgspec.Struct, frozen=True):
    """A batch to POST /usage. items: what was read, or why it couldn't be. The records' IDs are fixed before
    the first try.
    """

    usage_ids: Sequence[str]
    tenant: Tenant
    lineage: Lineage
    items: Sequence[UsageItem | DomainError]

    def declare(self, read_set: ReadSet) -> None:
        read = [item for item in self.items if isinstance(item, UsageItem)]
        declare_usage(read_set, self.tenant, self.lineage, read)

    async def decide_in_steps(
        self, state: BatchState, pause: Callable[[], Awaitable[None]]
    ) -> UsedBatch:
        state.check_alive(self.tenant, self.lineage)
        # Finding a similar name takes longer than many records: once only.
        is_told = False
        verdicts: list[RecordVerdict] = []
        for number, (item, usage_id) in enumerate(zip(self.items, self.usage_ids, strict=True), 1):
            if isinstance(item, UsageItem):
                verdict = self._decide_item(state, item, usage_id, is_told=not is_told)
            else:
                verdict = item
            is_told = is_told or isinstance(verdict, UnknownModel)
            verdicts.append(verdict)
            if number % _STEP_RECORDS == 0:
                await pause()
        balance_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        return UsedBatch(verdicts, balance_micros, state.now_us)

    def _decide_item(
        self, state: BatchState, item: UsageItem, usage_id: str, *, is_told: bool
    ) -> RecordVerdict:
        changes = state.changes
        try:
            earlier = state.working_set(UsageWorkingSet).earlier(self.tenant, item)
            if earlier is not None:
                return Charged(earlier, is_repeated=True)
            record = charge(state, self.tenant, self.lineage, item, usage_id, is_told=is_told)
        except DomainError as refusal:
            assert state.changes == changes, "a refusal came after a change of the batch's state"
            return refusal
        return Charged(record, is_repeated=False)


def new_usage_batch(principal: Principal, items: Iterable[UsageItem | DomainError]) -> UseBatch:
    listed = list(items)
    assert len(listed) <= RECORDS_MAX, "the edge refuses longer ones"
    return UseBatch([new_id("usg") for _ in listed], principal.tenant, principal.lineage, listed)
