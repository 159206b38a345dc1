"""Store a change to a subscription with its events.

The events come from comparing the row before and after, so a repeated or late notification publishes nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from billing.engine.batch_state import BatchState
from billing.ledger.money import MICROS_PER_CREDIT
from billing.recipients.owner_mail import new_owner_mail
from billing.subscriptions.plan_credit import publish_lost
from billing.subscriptions.subscription import LIVING, Period, Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.clock import rfc3339


def turn(
    state: BatchState, before: Subscription, after: Subscription, paid: Period | None = None
) -> None:
    working_set = state.working_set(SubscriptionWorkingSet)
    working_set.change(after)
    if before.status in LIVING and after.status not in LIVING:
        publish_lost(state, after)
    data: dict[str, Any] | None = None
    for event_type in turns(before, after, paid):
        data = data or _shown_now(after, working_set.periods(after.id), paid)
        state.publish(after.tenant, event_type, data)
        if event_type == "subscription.past_due":
            mail = new_owner_mail(state, after.tenant, "past_due", subscription_id=after.id)
            working_set.mail_owner(mail)


def turns(before: Subscription, after: Subscription, paid: Period | None) -> Iterator[str]:
    is_living = after.status in LIVING
    has_begun = before.paid_until_at is None and after.paid_until_at is not None
    if has_begun:
        yield "subscription.started"
    elif paid is not None and not _is_change(before, paid):
        yield "subscription.activated" if _ends_trial(before, paid) else "subscription.renewed"
    if not has_begun and _is_changed(before, after, paid):
        yield "subscription.changed"
    if after.status == "paused" and before.status != "paused":
        yield "subscription.paused"
    if before.status == "paused" and after.status in {"active", "past_due"}:
        yield "subscription.resumed"
    if after.status == "past_due" and before.status != "past_due":
        yield "subscription.past_due"
    if after.is_ending and not before.is_ending and is_living:
        yield "subscription.canceling"
    if before.status in LIVING and not is_living:
        yield "subscription.ended"


def _is_change(before: Subscription, paid: Period) -> bool:
    is_within = paid.period_start_at < (before.paid_until_at or 0)
    return paid.prorated_amount is not None and is_within


def _ends_trial(before: Subscription, paid: Period) -> bool:
    is_on_trial = before.trial_ends_at is not None and before.trial_ends_at == before.paid_until_at
    return is_on_trial and paid.amount > 0


def _is_changed(before: Subscription, after: Subscription, paid: Period | None) -> bool:
    is_kept = before.is_ending and not after.is_ending and after.status in LIVING
    is_paused = before.status == after.status == "paused"
    return (
        before.chosen != after.chosen
        or (paid is not None and _is_change(before, paid))
        or is_kept
        or (is_paused and before.resumes_at != after.resumes_at)
    )


def _shown_now(one: Subscription, periods: Sequence[Period], paid: Period | None) -> dict[str, Any]:
    micros = 0 if paid is None else paid.credits_micros
    return {**shape(one, periods), "credits_granted_now": micros // MICROS_PER_CREDIT}


def shape(one: Subscription, periods: Sequence[Period]) -> dict[str, Any]:
    # A plan change within a period adds another period with the same end.
    starts = [p.period_start_at for p in periods if p.period_end_at == one.paid_until_at]
    granted = sum(period.credits_micros - period.reversed_micros for period in periods)
    is_paused = one.status == "paused"
    return {
        "id": one.id,
        "status": "trialing" if one.is_in_trial and one.status == "active" else one.status,
        "provider": one.provider,
        "order_id": one.order_id,
        "plan_id": one.plan_id,
        "plan_name": one.plan_name,
        "interval": one.interval,
        "amount": one.amount,
        "currency": one.currency,
        "credits": one.credits_micros // MICROS_PER_CREDIT,
        "current_period_start": _time(min(starts, default=None)),
        "current_period_end": _time(one.paid_until_at),
        "trial_ends_at": _time(one.trial_ends_at),
        "cancel_at_period_end": one.is_ending,
        "next_plan_id": one.next_plan_id,
        "next_interval": one.next_interval,
        "next_charge": _next_charge(one, periods),
        "grace_ends_at": _time(one.grace_ends_at),
        "paused_at": _time(one.paused_at if is_paused else None),
        "resumes_at": _time(one.resumes_at if is_paused else None),
        "credits_granted": granted // MICROS_PER_CREDIT,
        "created_at": rfc3339(one.created_at),
        "ended_at": _time(one.ended_at),
    }


def next_amount(one: Subscription, periods: Sequence[Period]) -> int:
    if one.next_amount is not None:
        return one.next_amount
    is_first = not any(period.amount for period in periods)
    return one.first_amount if is_first else one.amount


def _next_charge(one: Subscription, periods: Sequence[Period]) -> dict[str, Any] | None:
    is_charged = one.status in LIVING and one.status != "paused" and not one.is_ending
    if not is_charged or one.charged_until_at is None:
        return None
    return {
        "at": rfc3339(one.charged_until_at),
        "amount": next_amount(one, periods),
        "currency": one.currency,
    }


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)
