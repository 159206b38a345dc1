"""What a change of plans comes to, by our own reckoning, and what a provider is asked for it. Pure."""

from billing.catalog.plan import MONTHS, PlanItem
from billing.ledger.price import Price
from billing.providers.abilities.steering import SteerRequest
from billing.providers.protocol import Interval
from billing.subscriptions.steer_rows import SubscriptionChange
from billing.subscriptions.subscription import Subscription


def is_charged_now(one: Subscription, item: PlanItem) -> bool:
    """A dearer plan, or a longer interval, is paid for at once; in a trial nothing is."""
    if one.is_in_trial:
        return False
    if item.interval != one.interval:
        return MONTHS[item.interval] > MONTHS[one.interval]
    return item.price.amount > one.amount


def is_shorter(one: Subscription, interval: Interval) -> bool:
    """Paid more often than now, which begins when the paid time is over; a trial is not paid."""
    return MONTHS[interval] < MONTHS[one.interval] and not one.is_in_trial


def estimate(one: Subscription, item: PlanItem, now_us: int, period: tuple[int, int]) -> Price:
    """The new price less what is left of today's, in proportion to the time; rounded up."""
    start, end = period
    if not is_charged_now(one, item) or end <= start:
        return Price(0, item.price.currency)
    left, whole = max(0, end - now_us), end - start
    if item.interval != one.interval:
        return Price(max(0, item.price.amount - one.amount * left // whole), one.currency)
    return Price(-(-(item.price.amount - one.amount) * left // whole), one.currency)


def request_of(one: Subscription, steer: SubscriptionChange) -> SteerRequest:
    """What its provider is asked."""
    assert one.provider_ref is not None, "whoever wanted it looked"
    return SteerRequest(
        one.provider_ref,
        steer.act,
        steer.id,
        product_ref=steer.product_ref,
        from_ref=one.product_ref,
        is_charged_now=steer.is_charged_now,
        is_at_end=steer.interval is not None and is_shorter(one, steer.interval),
        resumes_at=steer.resumes_at,
    )


def unsaved(one: Subscription, item: PlanItem, *, charged: bool) -> SubscriptionChange:
    """A change that nobody has decided on, for the question of what it costs."""
    return SubscriptionChange(
        id="",
        subscription_id=one.id,
        account_id=one.account_id,
        environment=one.environment,
        act="change",
        plan_id=item.plan_id,
        interval=item.interval,
        product_ref=item.product_ref,
        amount=item.price.amount,
        is_charged_now=charged,
        requested_by="",
        created_at=0,
    )
