"""Refunds and disputes of a subscription's payments: the period's credit is taken back, or given back.

Promise: as for orders (billing/orders/reversal.py), by the same rows and the same rules; a period has
no promotional credit, so the wallet pays what it has, and the rest becomes the account's debt. Credit
that comes in parts or ends is taken back as billing/subscriptions/plan_credit_back.py says.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.orders.refund import Reversed, blank_of, change_of, gone_of
from billing.orders.sold_credit import SoldCredit
from billing.providers.problem import Problem
from billing.subscriptions.period import Billed, OnSubscription
from billing.subscriptions.plan_credit_back import bring_back
from billing.subscriptions.subscription import Period, Subscription, due_micros
from billing.subscriptions.working_set import SubscriptionWorkingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversePeriod(OnSubscription):
    """Money of a period went back, a bank took it back, or one of these came to nothing."""

    period_start_at: int
    fact: Reversed

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
        if changed is None:
            return Billed(one, "repeated" if known is not None else "ignored")
        working_set.reversals.keep(changed)
        _apply_reversals(state, one, period)
        return Billed(one, "applied")


def _apply_reversals(state: BatchState, one: Subscription, period: Period) -> None:
    """The period's credit brought to what is gone of its payment."""
    working_set = state.working_set(SubscriptionWorkingSet)
    gone_amount = gone_of(working_set.reversals.of(period.id), period.amount)
    if working_set.plan_grants.of_period(period.id):
        working_set.keep_period(bring_back(state, one, period, gone_amount))
        return
    due = due_micros(period, gone_amount)
    sold = SoldCredit(
        id=period.id,
        tenant=one.tenant,
        provider=one.provider,
        credits_micros=period.credits_micros,
        reversed_micros=period.reversed_micros,
    )
    sold.brought_to(state, due)
    working_set.keep_period(replace(period, refunded_amount=gone_amount, reversed_micros=due))
