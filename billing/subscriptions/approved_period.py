"""Credit a plan's period that an operator approved; hold invoices that no rule credits.

The first period's approval settles the terms: the price is what was paid, and each period grants what was
approved. So renewals need nobody. A later approval is for its period alone. An invoice is held once; what was
decided stays.
"""

from billing.catalog.plan import MONTHS
from billing.engine.batch_state import BatchState
from billing.orders.order import Order
from billing.orders.records import PeriodClaim
from billing.subscriptions.period import too_much
from billing.subscriptions.plan_credit import give_period
from billing.subscriptions.records import HeldInvoice
from billing.subscriptions.subscription import (
    Period,
    Subscription,
    add_months,
    amend,
    revive,
)
from billing.subscriptions.turn import turn
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.ids import new_id


def approve_held(state: BatchState, one: Subscription, held: HeldInvoice, micros: int) -> None:
    working_set = state.working_set(SubscriptionWorkingSet)
    start_at, end_at = held.period_start_at, held.period_end_at
    if end_at <= start_at:
        start_at, end_at = _next_month(state, one)
    known = working_set.period((one.id, start_at))
    if known is not None and known.comp_ended_at is not None:
        # A free period that was revoked keeps its row, and its start.
        start_at += SECOND_US
        known = working_set.period((one.id, start_at))
    if known is not None:
        raise InvalidInput(
            "The period is already credited. Reject the invoice, and refund it.", param="order_id"
        )
    period = Period(
        subscription_id=one.id,
        period_start_at=start_at,
        id=new_id("per"),
        account_id=one.account_id,
        environment=one.environment,
        period_end_at=end_at,
        invoice_id=held.invoice_id,
        plan_id=held.plan_id,
        amount=held.paid_amount,
        currency=held.currency,
        credits_micros=micros,
        created_at=state.now_us,
    )
    changed = amend(
        one,
        provider_ref=one.provider_ref or held.provider_ref,
        customer_ref=held.customer_ref or one.customer_ref,
    )
    if _is_first(working_set, one):
        changed = _with_terms(changed, held.amount, held.currency, micros)
    _credit(state, one, changed, period)
    working_set.resolve(held)


def approve_order(state: BatchState, one: Subscription, order: Order, micros: int) -> None:
    """Credit the first period of a plan in review. It is stored by its payment, which is the invoice's ID, so
    its invoice changes nothing later.
    """
    start_at, end_at = _next_month(state, one)
    payment = order.payment
    period = Period(
        subscription_id=one.id,
        period_start_at=start_at,
        id=new_id("per"),
        account_id=one.account_id,
        environment=one.environment,
        period_end_at=end_at,
        invoice_id=order.payment_id or order.id,
        plan_id=one.plan_id,
        amount=payment.amount,
        currency=payment.currency,
        credits_micros=micros,
        created_at=state.now_us,
    )
    changed = amend(one, customer_ref=order.customer_ref or one.customer_ref)
    if _is_first(state.working_set(SubscriptionWorkingSet), one):
        changed = _with_terms(changed, payment.amount, payment.currency, micros)
    _credit(state, one, changed, period)


def _is_first(working_set: SubscriptionWorkingSet, one: Subscription) -> bool:
    return not any(period.amount for period in working_set.periods(one.id))


def _next_month(state: BatchState, one: Subscription) -> tuple[int, int]:
    now_us = state.now_of(one.tenant)
    start_at = now_us - now_us % SECOND_US
    return start_at, add_months(start_at, MONTHS[one.interval])


def _with_terms(one: Subscription, amount: int, currency: str, micros: int) -> Subscription:
    if amount <= 0:
        return one
    return amend(one, amount=amount, first_amount=amount, currency=currency, credits_micros=micros)


def _credit(state: BatchState, before: Subscription, one: Subscription, period: Period) -> None:
    working_set = state.working_set(SubscriptionWorkingSet)
    problem = too_much(state, one, period.credits_micros)
    if problem is not None:
        raise InvalidInput(problem.sentence, param="amount")
    period = give_period(state, one, period, one.grant_terms, one.interval)
    paid = amend(one, paid_until_at=max(one.paid_until_at or 0, period.period_end_at))
    paid = revive(paid, now_us=state.now_of(one.tenant))
    place = (one.provider, one.environment, period.invoice_id)
    working_set.own(PeriodClaim(*place, one.account_id, one.id, period.period_start_at))
    working_set.keep_period(period)
    turn(state, before, paid, period)
    working_set.keep_customer(paid)
