"""Our steps of one drop's charge: write the order, tie the charge, ask a person, retry.

A drop has one order with an ID fixed in advance, and an order is charged by its ID, so repeats lead to the
same charge. The month's limit is checked under the tenant's lock and counts what is under way.
"""

import secrets
from dataclasses import dataclass

from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet
from billing.orders.order import Order, amend
from billing.orders.place import NewOrder, PlaceOrder
from billing.orders.reversal import OnOrder, OrderResult
from billing.orders.working_set import OrderWorkingSet
from billing.recharges.batch import note_confirmation, note_refusal
from billing.recharges.recharge import FallCharge, Recharge, month_of
from kernel.ids import new_id
from kernel.tenant import Tenant


@dataclass(frozen=True, slots=True)
class BeginCharge:
    """Writes a drop's order and charge, or ends the drop: disabled, recovered, or over the month's limit.
    seen: the recharge that the order was made for; a changed one isn't begun. Raises what PlaceOrder raises.
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
        recharges.keep(replace(found, retry_at=None))
        return order


@dataclass(frozen=True, slots=True)
class RefuseFall:
    """The drop can't be charged, or nobody wants that any more (reason None)."""

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
        recharges.keep(replace(found, retry_at=None))
        is_low = state.ledger.balance_micros(self.tenant, state.now_us) < found.below_micros
        is_free = watch is not None and watch.recharge_order_id is None
        if found.is_on and is_low and is_free:
            state.watches.begin(self.tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class TieCharge(OnOrder):
    """The provider accepted the charge under that ID; the order's sweep checks it."""

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
class AskPerson(OnOrder):
    """The order's checkout is open: the payer is asked to confirm there."""

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
    """The charge's order ended or needs an operator: nobody checks the charge."""

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
