"""Refunds and disputes of a subscription's payments, by the same rows and rules as for orders."""

from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet
from billing.orders.order import amend
from billing.orders.refund import Reversal, Reversed, blank_of, change_of, gone_of
from billing.orders.reversal import dispute_of, reason_of, tell_returned
from billing.orders.sold_credit import follow
from billing.orders.working_set import OrderWorkingSet
from billing.providers.problem import Problem
from billing.subscriptions.period import Billed, OnSubscription
from billing.subscriptions.plan_credit_back import bring_back_to
from billing.subscriptions.subscription import Period, Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversePeriod(OnSubscription):
    order_id: str
    period_start_at: int
    fact: Reversed

    def declare(self, read_set: ReadSet) -> None:
        OnSubscription.declare(self, read_set)
        read_set.working_set(OrderWorkingSet).ids.add(self.order_id)

    def apply(self, state: BatchState, one: Subscription) -> Billed:
        working_set = state.working_set(SubscriptionWorkingSet)
        period = working_set.period((one.id, self.period_start_at))
        if period is None:
            return Billed(one, "ignored", "its payment was not credited")
        known = working_set.reversals.find(period.id, self.fact.key)
        blank = blank_of(self.fact, period.id, period.tenant, state.now_us)
        changed = change_of(self.fact, known, blank, period.payment)
        if isinstance(changed, Problem):
            return Billed(one, "review", changed.sentence, changed)
        ours = follow(state, working_set.refunds, working_set.reversals, period.id, self.fact)
        if changed is not None:
            working_set.reversals.keep(changed)
        elif ours is None:
            return Billed(one, "repeated" if known is not None else "ignored")
        why = reason_of(self.fact, ours)
        apply_reversals(state, one, period, why, dispute_of(self.fact, changed))
        return Billed(one, "repeated" if changed is None else "applied")


def apply_reversals(
    state: BatchState,
    one: Subscription,
    period: Period,
    reason: str,
    dispute: Reversal | None = None,
) -> None:
    """Bring the period's credit to what is gone of its payment, and publish it of the plan's order."""
    working_set = state.working_set(SubscriptionWorkingSet)
    reversals = working_set.reversals.of(period.id)
    after = bring_back_to(state, one, period, gone_of(reversals, period.amount))
    if after != period:
        _note(state, one, after)
    if after != period or dispute is not None:
        order = state.working_set(OrderWorkingSet).find(one.order_id, one.tenant)
        amount = after.refunded_amount - period.refunded_amount
        tell_returned(state, order, amount, reason, dispute)


def _note(state: BatchState, one: Subscription, after: Period) -> None:
    working_set = state.working_set(SubscriptionWorkingSet)
    working_set.keep_period(after)
    orders = state.working_set(OrderWorkingSet)
    order = orders.find(one.order_id, one.tenant)
    gone = [p for p in working_set.periods(one.id) if p.currency == order.payment.currency]
    orders.change(amend(order, refunded_amount=sum(each.refunded_amount for each in gone)))
