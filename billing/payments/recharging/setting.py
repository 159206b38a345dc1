"""Set and disable recharges, and record the steps of each charge, under the tenant's lock.

Each drop has one order. The order's ID is chosen in advance and used for the charge, so retries make the same charge.
The monthly limit includes charges in progress.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.orders.order import Order, amend
from billing.orders.place import NewOrder, PlaceOrder
from billing.orders.reversal import OnOrder, OrderResult
from billing.orders.working_set import OrderWorkingSet
from billing.recharges.recharge import (
    FallCharge,
    Recharge,
    month_of,
    note_confirmation,
    note_refusal,
)
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor


@dataclass(frozen=True, slots=True)
class BeginCharge:
    """Write the order and the charge for a drop.

    The drop is ended instead if the recharge is disabled, the balance has recovered, or the monthly limit is reached.
    `seen` is the recharge that the order was made for. If the recharge has changed, nothing is written.
    """

    place: PlaceOrder
    seen: Recharge

    def declare(self, read_set: ReadSet) -> None:
        self.place.declare(read_set)
        working_set = read_set.working_set(OrderWorkingSet)
        working_set.ids.add(self.place.order_id)
        working_set.recharges.tenants.add(self.seen.tenant)
        working_set.recharges.counted.add(self.seen.tenant)

    def decide(self, state: BatchState) -> Order | None:
        order_id, tenant = self.place.order_id, self.seen.tenant
        recharges = state.working_set(OrderWorkingSet).recharges
        watch, found = state.watches.find(tenant), recharges.find(tenant)
        if watch is None or watch.recharge_order_id != order_id:
            return None
        if recharges.charge_of(order_id) is not None or found != self.seen or not found.is_on:
            return None
        if state.ledger.balance_micros(tenant, state.now_us) >= found.below_micros:
            state.watches.watch(
                tenant, below_micros=found.below_micros, from_micros=found.below_micros
            )
            return None
        month = month_of(state.now_of(tenant))
        if recharges.spent_cents(tenant, month) + found.amount_cents > found.monthly_max_cents:
            note_refusal(state, recharges, tenant, order_id=order_id, reason="monthly_max")
            return None
        order = self.place.decide(state).order
        recharges.add_charge(_charge(state, found, order, month))
        recharges.save(replace(found, retry_at=None))
        return order


@dataclass(frozen=True, slots=True)
class RefuseFall:
    order_id: str
    tenant: Tenant
    reason: str | None

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant, self.order_id)

    def decide(self, state: BatchState) -> None:
        recharges = state.working_set(OrderWorkingSet).recharges
        watch = state.watches.find(self.tenant)
        if watch is None or watch.recharge_order_id != self.order_id:
            return
        if recharges.charge_of(self.order_id) is None:
            note_refusal(state, recharges, self.tenant, order_id=self.order_id, reason=self.reason)


@dataclass(frozen=True, slots=True)
class RetryFall:
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant)

    def decide(self, state: BatchState) -> None:
        recharges = state.working_set(OrderWorkingSet).recharges
        found, watch = recharges.find(self.tenant), state.watches.find(self.tenant)
        if found is None or found.retry_at is None:
            return
        if found.retry_at > state.now_of(self.tenant):
            return
        recharges.save(replace(found, retry_at=None))
        is_low = state.ledger.balance_micros(self.tenant, state.now_us) < found.below_micros
        is_free = watch is not None and watch.recharge_order_id is None
        if found.is_on and is_low and is_free:
            state.watches.begin(self.tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class TieCharge(OnOrder):
    ref: str

    def declare(self, read_set: ReadSet) -> None:
        OnOrder.declare(self, read_set)
        read_set.working_set(OrderWorkingSet).attached[self.order_id] = (self.ref,)

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        working_set = state.working_set(OrderWorkingSet)
        charge = working_set.recharges.charge_of(order.id)
        if charge is not None and charge.next_at is not None:
            working_set.recharges.change_charge(replace(charge, next_at=None))
        if order.provider_ref == self.ref:
            return OrderResult(order, "repeated")
        tied = amend(order, provider_ref=self.ref)
        working_set.change(tied)
        return OrderResult(tied, "applied")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAction(OnOrder):
    reason: str

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        recharges = state.working_set(OrderWorkingSet).recharges
        charge = recharges.charge_of(order.id)
        if charge is None or charge.reason is not None or order.status != "pending":
            return OrderResult(order, "repeated")
        assert order.url is not None, "its checkout was opened before"
        note_confirmation(state, recharges, charge, reason=self.reason, url=order.url)
        return OrderResult(order, "applied")


@dataclass(frozen=True, slots=True)
class LeaveToOrder:
    order_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant, self.order_id)

    def decide(self, state: BatchState) -> None:
        recharges = state.working_set(OrderWorkingSet).recharges
        charge = recharges.charge_of(self.order_id)
        if charge is not None and charge.next_at is not None:
            recharges.change_charge(replace(charge, next_at=None))


def new_begin(seen: Recharge, order_id: str, new: NewOrder) -> BeginCharge:
    place = PlaceOrder(order_id, secrets.token_hex(16), new_id("txn"), seen.tenant, new)
    return BeginCharge(place, seen)


def _charge(state: BatchState, found: Recharge, order: Order, month: str) -> FallCharge:
    return FallCharge(
        order_id=order.id,
        account_id=order.account_id,
        environment=order.environment,
        month=month,
        amount_cents=found.amount_cents,
        customer_ref=found.customer_ref,
        method_ref=found.method_ref,
        method=found.method,
        next_at=state.now_us,
        created_at=state.now_us,
    )


def _declare(read_set: ReadSet, tenant: Tenant, *order_ids: str) -> None:
    read_set.tenants.add(tenant)
    working_set = read_set.working_set(OrderWorkingSet)
    working_set.ids.update(order_ids)
    working_set.recharges.tenants.add(tenant)


_COMMAND_LINE: Final = Actor()


@dataclass(frozen=True, slots=True)
class SetRecharge:
    wanted: Recharge
    actor: Actor = _COMMAND_LINE

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.wanted.tenant)
        read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> Recharge:
        tenant = self.wanted.tenant
        kept = replace(self.wanted, changed_at=state.now_us)
        state.working_set(OrderWorkingSet).recharges.save(kept)
        limits = ("below_cents", "amount_cents", "monthly_max_cents")
        state.working_set(AuditEntries).add(
            audit_log.security(
                self.actor,
                "recharge.set",
                account_id=tenant.account_id,
                environment=tenant.environment,
                subject_id=tenant.account_id,
                after={name: getattr(kept, name) for name in limits},
                now_us=state.now_us,
            )
        )
        watch = state.watches.find(tenant)
        if watch is not None and watch.recharge_order_id is not None:
            state.watches.set_below(tenant, kept.below_micros)
            return kept
        state.watches.watch(tenant, below_micros=kept.below_micros, from_micros=kept.below_micros)
        if state.ledger.balance_micros(tenant, state.now_us) < kept.below_micros:
            state.watches.begin(tenant)
        return kept


@dataclass(frozen=True, slots=True)
class RemoveRecharge:
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant)

    def decide(self, state: BatchState) -> Recharge:
        recharges = state.working_set(OrderWorkingSet).recharges
        found = recharges.find(self.tenant)
        if found is None:
            raise NotFound("Recharge")
        recharges.remove(self.tenant)
        state.watches.stop(self.tenant)
        return found


@dataclass(frozen=True, slots=True)
class SwitchRechargeOff:
    tenant: Tenant
    actor: Actor
    reason: str
    person: str

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant)
        read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> Recharge:
        recharges = state.working_set(OrderWorkingSet).recharges
        found = recharges.find(self.tenant)
        if found is None:
            raise NotFound("Recharge")
        off = replace(found, disabled_reason="operator", retry_at=None, changed_at=state.now_us)
        recharges.save(off)
        state.watches.stop(self.tenant)
        state.working_set(AuditEntries).add(
            audit_log.entry(
                self.actor,
                "recharge.switch_off",
                environment=self.tenant.environment,
                account_id=self.tenant.account_id,
                subject_id=self.tenant.account_id,
                before={"disabled_reason": found.disabled_reason},
                after={"disabled_reason": off.disabled_reason, "by": self.person},
                reason=self.reason,
                now_us=state.now_us,
            )
        )
        return off
