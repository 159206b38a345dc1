"""Model a subscription: credit that is bought by the month or year.

A subscription becomes active only when a period is paid, so reports can arrive in any order. A payment reactivates an
expired subscription. Only `move` changes the state.
"""

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from msgspec.structs import replace

from billing.catalog.grant_terms import DEFAULT_TERMS, GrantTerms
from billing.ledger.price import Price
from billing.orders.refund import share_of
from billing.providers.event_log import Problem
from billing.providers.protocol import Interval
from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.errors import DomainError
from kernel.tenant import OfTenant

SubscriptionState = Literal["incomplete", "active", "past_due", "paused", "cancelled", "expired"]
LIVING: frozenset[SubscriptionState] = frozenset({"active", "past_due", "paused"})

MOVES: Mapping[SubscriptionState, frozenset[SubscriptionState]] = {
    "incomplete": frozenset({"active", "paused", "cancelled", "expired"}),
    "active": frozenset({"past_due", "paused", "cancelled", "expired"}),
    "past_due": frozenset({"active", "paused", "cancelled", "expired"}),
    "paused": frozenset({"active", "past_due", "cancelled", "expired"}),
    "expired": frozenset({"active", "paused"}),
    "cancelled": frozenset(),
}
# Providers collect the payment for a period within hours of its start.
RENEWAL_US = DAY_US
GRACE_US = 7 * DAY_US
# How long to wait for a report about a paused subscription before calling the provider.
PAUSE_CHECK_US = DAY_US
# How long to wait for a report after `resumes_at` before calling the provider.
RESUME_CHECK_US = 10 * MINUTE_US


class AlreadySubscribed(DomainError):
    pass


class Subscription(OfTenant, frozen=True, kw_only=True):
    id: str
    order_id: str
    provider: str
    is_simulated: bool = False
    provider_ref: str | None = None
    customer_ref: str | None = None
    status: SubscriptionState = "incomplete"
    plan_id: str
    plan_name: str
    interval: Interval
    credits_micros: int
    amount: int
    currency: str
    first_amount: int
    product_ref: str | None = None
    grant_terms: GrantTerms = DEFAULT_TERMS
    next_plan_id: str | None = None
    next_interval: Interval | None = None
    next_amount: int | None = None
    trial_days: int = 0
    trial_micros: int = 0
    trial_ends_at: int | None = None
    carried_amount: int = 0
    carried_before: int | None = None
    is_ending: bool = False
    reported_at: int | None = None
    paid_until_at: int | None = None
    charge_at: int | None = None
    paused_at: int | None = None
    resumes_at: int | None = None
    next_check_at: int | None = None
    due_at: int | None = None
    created_at: int
    ended_at: int | None = None

    @property
    def price(self) -> Price:
        return Price(self.amount, self.currency)

    @property
    def is_in_trial(self) -> bool:
        is_on_trial = self.trial_ends_at is not None and self.trial_ends_at == self.paid_until_at
        return is_on_trial and self.status in LIVING

    @property
    def chosen(self) -> tuple[str, Interval]:
        return self.next_plan_id or self.plan_id, self.next_interval or self.interval

    @property
    def charged_until_at(self) -> int | None:
        if self.paid_until_at is None:
            return None
        return max(self.paid_until_at, self.charge_at or 0)

    @property
    def grace_ends_at(self) -> int | None:
        if self.status != "past_due" or self.charged_until_at is None:
            return None
        return self.charged_until_at + GRACE_US


class Period(OfTenant, frozen=True, kw_only=True):
    subscription_id: str
    period_start_at: int
    id: str
    period_end_at: int
    invoice_id: str
    plan_id: str
    amount: int
    currency: str
    credits_micros: int
    is_prorated: bool = False
    refunded_amount: int = 0
    reversed_micros: int = 0
    reversed_rolled_micros: int = 0
    prorated_amount: int | None = None
    plan_amount: int | None = None
    plan_micros: int | None = None
    corrected_micros: int = 0
    comp_reason: str | None = None
    comp_by: str | None = None
    comp_ended_at: int | None = None
    created_at: int

    @property
    def payment(self) -> Price:
        return Price(self.amount, self.currency)


def move(subscription: Subscription, status: SubscriptionState, *, now_us: int) -> Subscription:
    assert may_move(subscription, status), f"{subscription.status} does not become {status}"
    is_over = status in {"cancelled", "expired"}
    moved = replace(subscription, status=status, ended_at=now_us if is_over else None)
    if is_over:
        moved = replace(moved, paused_at=None, resumes_at=None, next_check_at=None)
    if status == "past_due" and moved.charge_at is not None:
        # The charge was attempted and failed, so the pause no longer postpones it.
        moved = replace(moved, charge_at=min(moved.charge_at, now_us))
    return replace(moved, due_at=_due_at(moved))


def revive(subscription: Subscription, *, now_us: int) -> Subscription:
    status: SubscriptionState = "active" if subscription.paused_at is None else "paused"
    return (
        move(subscription, status, now_us=now_us)
        if may_move(subscription, status)
        else subscription
    )


def pause(subscription: Subscription, resumes_at: int | None, *, now_us: int) -> Subscription:
    """Record the provider's pause, or its new end. The state doesn't change here.

    The provider is called daily, then soon after `resumes_at`, and from then on hourly.
    """
    is_known = subscription.paused_at is not None and subscription.resumes_at == resumes_at
    if is_known and now_us < (subscription.next_check_at or 0):
        return subscription
    next_check_at = now_us + PAUSE_CHECK_US
    if resumes_at is not None:
        after_end_at = max(resumes_at + RESUME_CHECK_US, now_us + HOUR_US)
        next_check_at = min(next_check_at, after_end_at)
    paused_at = subscription.paused_at
    return amend(
        subscription,
        paused_at=now_us if paused_at is None else paused_at,
        resumes_at=resumes_at,
        next_check_at=next_check_at,
    )


def unpause(subscription: Subscription, *, period_end_at: int | None, now_us: int) -> Subscription:
    """Record that the provider's pause has ended. The state doesn't change here.

    If `period_end_at` is None, the next payment has a day to arrive.
    """
    charge_at = now_us if period_end_at is None else period_end_at
    return amend(
        subscription, paused_at=None, resumes_at=None, next_check_at=None, charge_at=charge_at
    )


def amend(subscription: Subscription, **changes: Any) -> Subscription:
    assert "status" not in changes, "a state is changed by move"
    changed = replace(subscription, **changes)
    return replace(changed, due_at=_due_at(changed))


def may_move(subscription: Subscription, status: SubscriptionState) -> bool:
    return status in MOVES[subscription.status]


def by_time(subscription: Subscription, now_us: int) -> SubscriptionState:
    if subscription.due_at is None or now_us < subscription.due_at:
        return subscription.status
    if subscription.is_ending:
        return "cancelled"
    assert subscription.charged_until_at is not None, "it was paid once"
    return "expired" if now_us >= subscription.charged_until_at + GRACE_US else "past_due"


def second_plan(other: Subscription) -> Problem:
    sentence = (
        f"the account has the plan {other.plan_name} already ({other.id} of order {other.order_id}):"
        " end one of the two at the provider, and refund what was paid for it"
    )
    return Problem("second_plan", sentence, f"{other.plan_name} alone", "a second plan")


def due_micros(period: Period, returned_amount: int) -> int:
    right_micros = period.credits_micros - period.corrected_micros
    return period.corrected_micros + share_of(right_micros, returned_amount, period.amount)


def _due_at(subscription: Subscription) -> int | None:
    """Return when the state changes if no report arrives. A pause doesn't end this way: the provider is called at
    `next_check_at`.
    """
    until = subscription.charged_until_at
    if until is None or subscription.status not in LIVING or subscription.status == "paused":
        return None
    if subscription.is_ending:
        return until
    return until + (GRACE_US if subscription.status == "past_due" else RENEWAL_US)


def add_months(at_us: int, months: int) -> int:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    moment = epoch + timedelta(microseconds=at_us)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return (moment.replace(year=year, month=month + 1, day=day) - epoch) // timedelta(
        microseconds=1
    )
