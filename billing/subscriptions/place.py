"""Place orders, including orders for plans.

An account can have at most one plan, and at most one open checkout for a plan.
"""

import secrets
from dataclasses import dataclass

from billing.catalog.coupon import normalise_code
from billing.catalog.plan import PlanItem
from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.price import Price
from billing.orders.order import Order
from billing.orders.place import NewOrder, PlaceOrder, SoldItem, charged
from billing.orders.reversal import OrderResult
from billing.orders.settlement import SettlePaid
from billing.orders.working_set import OrderWorkingSet
from billing.providers.event_log import Problem
from billing.subscriptions.subscription import AlreadySubscribed, Subscription, second_plan
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.errors import InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant


class PlanCheckoutOpen(AlreadySubscribed):
    def __init__(self, order: Order) -> None:
        self.order = order
        super().__init__(
            f"the checkout of order {order.id} is open: pay that one, or wait until it ends",
            reason="checkout_open",
            extra={"order_id": order.id, "url": order.url},
        )


@dataclass(frozen=True, slots=True)
class PlaceSubscriptionOrder(PlaceOrder):
    def declare(self, read_set: ReadSet) -> None:
        PlaceOrder.declare(self, read_set)
        read_set.working_set(SubscriptionWorkingSet).living.add(self.tenant)
        read_set.working_set(OrderWorkingSet).open_plans.add(self.tenant)

    def check(self, state: BatchState) -> None:
        plans = state.working_set(SubscriptionWorkingSet)
        living = plans.living_of(self.tenant) or plans.taken_of(self.tenant)
        if living is not None:
            raise AlreadySubscribed(
                f"The account already has the plan {living.plan_name}. Change it in the portal.",
                reason="already_subscribed",
                extra={"plan_id": living.plan_id},
            )
        begun = state.working_set(OrderWorkingSet).open_plan(self.tenant)
        if begun is not None:
            raise PlanCheckoutOpen(begun)

    def item(self, state: BatchState) -> SoldItem:  # noqa: ARG002
        if self.new.pack_id is not None or self.new.amount_cents is not None:
            raise InvalidInput("Give only one of a plan, a pack and an amount.", param="pack_id")
        return SoldItem(self._plan.price, 0, self._plan.name or None)

    def begin(self, state: BatchState, order: Order) -> None:
        plans = state.working_set(SubscriptionWorkingSet)
        price = charged(self._plan.price, self.charge)
        trial_days = self.trial_days(state)
        plans.add(
            Subscription(
                id=new_id("sub"),
                account_id=order.account_id,
                environment=order.environment,
                order_id=order.id,
                provider=order.provider,
                is_simulated=order.is_simulated,
                plan_id=self._plan.plan_id,
                plan_name=self._plan.name,
                interval=self._plan.interval,
                credits_micros=self._plan.credits_micros,
                amount=price.amount,
                currency=price.currency,
                first_amount=order.pay_amount,
                product_ref=self._plan.product_ref,
                grant_terms=self._plan.grant_terms,
                trial_days=trial_days,
                trial_micros=self._plan.trial_micros if trial_days else 0,
                carried_amount=plans.carried(self.tenant, order.provider, price.currency),
                created_at=order.created_at,
            )
        )

    def trial_days(self, state: BatchState) -> int:
        had_trial = state.working_set(SubscriptionWorkingSet).had_trial(self.tenant)
        return 0 if had_trial else self._plan.trial_days

    @property
    def _plan(self) -> PlanItem:
        assert self.new.plan is not None, "the order is of a plan"
        return self.new.plan


def new_place(tenant: Tenant, new: NewOrder) -> PlaceOrder:
    if new.coupon is not None:
        normalise_code(new.coupon)
    order_no = secrets.token_hex(16)
    command = PlaceOrder if new.plan is None else PlaceSubscriptionOrder
    return command(new_id("ord"), order_no, new_id("txn"), tenant, new)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePaidPlan(SettlePaid):
    """Settle a paid order for a plan without adding credit. Credit is added when the provider's invoices arrive."""

    subtotal: Price | None = None

    def declare(self, read_set: ReadSet) -> None:
        SettlePaid.declare(self, read_set)
        working_set = read_set.working_set(SubscriptionWorkingSet)
        working_set.orders.add(self.order_id)
        working_set.taken.add(self.tenant)

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        settled = SettlePaid.apply(self, state, order)
        if settled.outcome == "applied":
            state.working_set(SubscriptionWorkingSet).take(self._begun(state))
        return settled

    def other_sum(self, order: Order) -> Price | None:
        nothing = Price(0, order.pay_currency)
        return nothing if self.price == nothing != order.price else None

    def conflict(self, state: BatchState, order: Order) -> Problem | None:
        begun = self._begun(state)
        is_free = self.price == Price(0, order.pay_currency)
        is_before_tax = self.price.currency == order.pay_currency and self.subtotal == begun.price
        problem = SettlePaid.conflict(self, state, order)
        if problem is not None and not is_free and not is_before_tax:
            return problem
        other = state.working_set(SubscriptionWorkingSet).taken_beside(begun)
        return None if other is None else second_plan(other)

    def _begun(self, state: BatchState) -> Subscription:
        begun = state.working_set(SubscriptionWorkingSet).of_order(self.order_id)
        assert begun is not None, "it was written with the order"
        return begun
