"""Pay."""

from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.price import Price
from billing.orders.order import Order
from billing.orders.reversal import OrderResult
from billing.orders.settlement import SettlePaid
from billing.providers.problem import Problem
from billing.subscriptions.subscription import Subscription, second_plan
from billing.subscriptions.working_set import SubscriptionWorkingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePaidPlan(SettlePaid):
    """A paid checkout credits nothing: the provider's invoices do. subtotal: before tax and discounts, if
    reported.
    """

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
