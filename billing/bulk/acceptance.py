"""Accept a batch's items, a few in each transaction.

In an all-or-nothing batch, every top-up is first reserved. Its funds are held and count toward limits, but no event is
published. An item's outcome is written in the same transaction as its top-up, so a retry changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from billing.bulk.batch import SendBatch
from billing.bulk.item import BatchItem, ItemRefusal
from billing.bulk.progress import BatchWorkingSet, batches_of
from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import Code
from billing.ledger.money import micros_to_cents
from billing.topups.send import Send, fail, publish, request_approval
from billing.topups.settlement import BY_BATCH, check_again, release
from billing.topups.topup import HELD_STATES, TopUp, move
from billing.topups.working_set import BY_APPROVAL, TopUpWorkingSet, release_funds, topups_of
from kernel.errors import DomainError
from kernel.tenant import Tenant

DROPPED = "another item of its batch was refused, so none was accepted"


class BatchCancelled(DomainError):
    pass


class ItemSend(NamedTuple):
    number: int
    send: Send | DomainError


@dataclass(frozen=True, slots=True)
class OpenBatch:
    batch: SendBatch
    items: Sequence[BatchItem]

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.batch.tenant)
        read_set.working_set(BatchWorkingSet)

    def decide(self, state: BatchState) -> SendBatch:
        batches_of(state).add(self.batch, self.items)
        return self.batch


@dataclass(frozen=True, slots=True)
class AcceptItems:
    batch_id: str
    tenant: Tenant
    items: Sequence[ItemSend]

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant, self.batch_id, [one.number for one in self.items])
        topups = read_set.working_set(TopUpWorkingSet)
        for one in self.items:
            if isinstance(one.send, Send):
                one.send.declare(read_set)
                if one.send.sent_by is not None:
                    # Check access in each step, because after a crash a worker may accept the remaining items much
                    # later.
                    topups.senders.add((self.tenant.account_id, one.send.sent_by))

    def decide(self, state: BatchState) -> int:
        batch = batches_of(state).find(self.batch_id, self.tenant)
        if batch.status != "accepting":
            return 0
        return sum(self._accept(state, batch, one) for one in self.items)

    def _accept(self, state: BatchState, batch: SendBatch, one: ItemSend) -> bool:
        batches = batches_of(state)
        item = batches.item(self.batch_id, one.number)
        if item.state != "waiting":
            return False
        changes = state.changes
        try:
            if batch.cancelled_at is not None:
                raise BatchCancelled("The batch was cancelled before this item was accepted.")
            if isinstance(one.send, DomainError):
                raise one.send
            send = _in_time(state, batch, one.send)
            send.check_unmet(topups_of(state))
            if batch.is_all_or_nothing:
                reserve(state, send)
            else:
                send.decide(state)
        except DomainError as refusal:
            assert state.changes == changes, "a refusal came after a change of the state"
            batches.change_item(replace(item, state="refused", refusal=ItemRefusal.of(refusal)))
            return True
        batches.change_item(
            replace(item, state="reserved" if batch.is_all_or_nothing else "accepted")
        )
        return False


@dataclass(frozen=True, slots=True)
class DropItems:
    batch_id: str
    tenant: Tenant
    numbers: Sequence[int]

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant, self.batch_id, self.numbers)

    def decide(self, state: BatchState) -> None:
        batches = batches_of(state)
        batches.find(self.batch_id, self.tenant)
        for number in self.numbers:
            item = batches.item(self.batch_id, number)
            if item.state == "waiting":
                batches.change_item(replace(item, state="dropped"))


@dataclass(frozen=True, slots=True)
class _OnReserved:
    batch_id: str
    tenant: Tenant
    lineage: tuple[str, ...]
    items: Sequence[BatchItem]

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant, self.batch_id, [one.number for one in self.items])
        read_set.key_ids.update(self.lineage)
        topups = read_set.working_set(TopUpWorkingSet)
        topups.ids.update(one.transaction_id for one in self.items)

    def _reserved(self, state: BatchState) -> list[tuple[BatchItem, TopUp]]:
        batches, topups = batches_of(state), topups_of(state)
        found = []
        for one in self.items:
            item = batches.item(self.batch_id, one.number)
            topup = topups.find(one.transaction_id, self.tenant)
            if item.state == "reserved" and topup is not None:
                found.append((item, topup))
        return found


@dataclass(frozen=True, slots=True)
class ReleaseItems(_OnReserved):
    def decide(self, state: BatchState) -> None:
        for item, topup in self._reserved(state):
            batches_of(state).change_item(replace(item, state="accepted"))
            let_go(state, topup)


@dataclass(frozen=True, slots=True)
class UndoItems(_OnReserved):
    def decide(self, state: BatchState) -> None:
        for item, topup in self._reserved(state):
            if topup.status not in HELD_STATES:
                batches_of(state).change_item(replace(item, state="accepted"))
                continue
            batches_of(state).change_item(replace(item, state="dropped"))
            cancelled = move(topup, "cancelled", now_us=state.now_us, failure_reason=DROPPED)
            release_funds(state, topup)
            topups_of(state).change(cancelled)
            batches_of(state).free_names(topup, item)


def _declare(read_set: ReadSet, tenant: Tenant, batch_id: str, numbers: Sequence[int]) -> None:
    read_set.tenants.add(tenant)
    working_set = read_set.working_set(BatchWorkingSet)
    working_set.ids.add(batch_id)
    working_set.numbers.setdefault(batch_id, []).extend(numbers)


def _in_time(state: BatchState, batch: SendBatch, send: Send) -> Send:
    """If `send_at` passed while the gateway was accepting the batch, remove it, to send at once."""
    request = send.request
    now_us = state.now_of(batch.tenant)
    opened_us = now_us - (state.now_us - batch.created_at)
    if request.send_at is None or not opened_us < request.send_at <= now_us:
        return send
    return replace(send, request=replace(request, send_at=None))


def reserve(state: BatchState, send: Send) -> TopUp:
    topups = topups_of(state)
    request, tenant = send.request, send.tenant
    charged_micros = request.charged_micros
    would_be, _ = send.judge(state, topups, charged_micros)
    is_asked = would_be == "approval_required"
    counted_in = state.spending.spend(tenant, send.lineage, charged_micros, send)
    topup = send.topup(
        state,
        BY_APPROVAL if is_asked else BY_BATCH,
        "pending" if is_asked else "scheduled",
        trace=state.trace,
        counted_in=counted_in,
        sent_by=send.sent_by,
    )
    held = state.ledger.held(tenant)
    holds = state.take(tenant, charged_micros, to=held, code=Code.TOPUP_HOLD, topup_id=topup.id)
    topups.add(topup, holds)
    if request.intent is not None:
        topups.name(topup, request.intent)
    if not is_asked:
        state.spending.count_unasked(tenant.account_id, send.lineage, charged_micros)
    return topup


def let_go(state: BatchState, topup: TopUp) -> None:
    if topup.status == "pending":
        publish(state, topup)
        request_approval(state, topup)
    elif topup.status == "scheduled" and (topup.scheduled_for or 0) > state.now_of(topup.tenant):
        _schedule(state, topup)
    elif topup.status == "scheduled":
        release(state, topup)


def _schedule(state: BatchState, topup: TopUp) -> None:
    try:
        source = check_again(state, topup)
    except DomainError as refusal:
        fail(state, topup, refusal.detail)
        return
    waiting = replace(topup, fulfilment=source.kind)
    topups_of(state).change(waiting)
    publish(state, waiting)


class BatchQuote(msgspec.Struct, frozen=True):
    refused: dict[int, DomainError]
    accepted_cents: int
    fee_cents: int
    wallet_balance_cents: int
    wallet_balance_after_cents: int


@dataclass(frozen=True, slots=True)
class BatchRehearsal:
    tenant: Tenant
    items: Sequence[ItemSend]

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(TopUpWorkingSet)
        for one in self.items:
            if isinstance(one.send, Send):
                one.send.declare(read_set)

    def decide(self, state: BatchState) -> BatchQuote:
        before = self._balance_cents(state)
        refused: dict[int, DomainError] = {}
        rehearsed: dict[str, int] = {}
        accepted_cents = fee_cents = 0
        for one in self.items:
            try:
                if isinstance(one.send, DomainError):
                    raise one.send
                one.send.check_unmet(topups_of(state))
                one.send.decide(state)
            except DomainError as refusal:
                refused[one.number] = _without_rehearsed(refusal, rehearsed)
            else:
                accepted_cents += one.send.request.amount_cents
                fee_cents += one.send.request.fee_cents
                rehearsed[one.send.topup_id] = one.number
        return BatchQuote(refused, accepted_cents, fee_cents, before, self._balance_cents(state))

    def _balance_cents(self, state: BatchState) -> int:
        return micros_to_cents(state.ledger.balance_micros(self.tenant, state.now_us))


def _without_rehearsed(refusal: DomainError, rehearsed: Mapping[str, int]) -> DomainError:
    """Make a dry run's refusal name the earlier item by its index, because no top-up is stored."""
    earlier = rehearsed.get(refusal.extra.get("transaction_id", ""))
    if earlier is not None:
        del refusal.extra["transaction_id"]
        refusal.extra.pop("status", None)
        refusal.extra["earlier_index"] = earlier
    return refusal
