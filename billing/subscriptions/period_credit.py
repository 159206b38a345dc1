"""What a period has of its credit: brought to what is gone of its payment, and to what it should have had.

Credit that comes in parts or ends is taken back as billing/subscriptions/plan_credit_back.py says; of any
other the wallet pays what it has, and the rest becomes the account's debt.
"""

from msgspec.structs import replace

from billing.engine.batch_state import BatchState
from billing.orders.refund_hold import brought
from billing.orders.sold_credit import SoldCredit
from billing.subscriptions.plan_credit_back import bring_back
from billing.subscriptions.subscription import Period, Subscription, due_micros
from billing.subscriptions.working_set import SubscriptionWorkingSet


def bring_back_to(state: BatchState, one: Subscription, period: Period, gone_amount: int) -> Period:
    """The period once so much of its payment is gone; the caller keeps it."""
    working_set = state.working_set(SubscriptionWorkingSet)
    if working_set.plan_grants.of_period(period.id):
        # Its credit lies in grants of the plan's own: nothing of it was in the wallet, nor is held.
        return bring_back(state, one, period, gone_amount)
    due = due_micros(period, gone_amount)
    to_come = working_set.refunds.to_come(period.id, working_set.reversals.of(period.id))
    wanted = due_micros(period, gone_amount + to_come) - due
    brought(state, sold_of(one, period), working_set.refunds, due, wanted)
    return replace(period, refunded_amount=gone_amount, reversed_micros=due)


def sold_of(one: Subscription, period: Period) -> SoldCredit:
    """What the period gave, and what of it was taken back."""
    return SoldCredit(
        id=period.id,
        tenant=one.tenant,
        provider=one.provider,
        credits_micros=period.credits_micros,
        reversed_micros=period.reversed_micros,
    )
