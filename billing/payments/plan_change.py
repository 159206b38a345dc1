"""What a change of plans costs by our own estimate, and the request to a provider."""

from billing.catalog.plan import MONTHS, PlanItem
from billing.ledger.price import Price
from billing.providers.abilities.steering import SteerRequest
from billing.providers.protocol import Interval
from billing.subscriptions.change_rows import SubscriptionChange
from billing.subscriptions.subscription import Subscription


def is_charged_now(one: Subscription, item: PlanItem) -> bool:
    """Return whether it is a dearer plan or a longer interval, paid at once; not in a trial."""
    if one.is_in_trial:
        return False
    if item.interval != one.interval:
        return MONTHS[item.interval] > MONTHS[one.interval]
    return item.price.amount > one.amount


def is_shorter(one: Subscription, interval: Interval) -> bool:
    """Return whether it is a shorter interval, which begins after the paid time; not in a trial."""
    return MONTHS[interval] < MONTHS[one.interval] and not one.is_in_trial


def estimate(one: Subscription, item: PlanItem, now_us: int, period: tuple[int, int]) -> Price:
    """Estimate the new price less the rest of the present one, by time; rounded up."""
    start, end = period
    if not is_charged_now(one, item) or end <= start:
        return Price(0, item.price.currency)
    left, whole = max(0, end - now_us), end - start
    if item.interval != one.interval:
        return Price(max(0, item.price.amount - one.amount * left // whole), one.currency)
    return Price(-(-(item.price.amount - one.amount) * left // whole), one.currency)


def request_of(one: Subscription, change: SubscriptionChange) -> SteerRequest:
    assert one.provider_ref is not None, "whoever wanted it looked"
    return SteerRequest(
        one.provider_ref,
        change.act,
        change.id,
        product_ref=change.product_ref,
        from_ref=one.product_ref,
        is_charged_now=change.is_charged_now,
        is_at_end=change.interval is not None and is_shorter(one, change.interval),
        resumes_at=change.resumes_at,
    )


def unsaved(one: Subscription, item: PlanItem, *, charged: bool) -> SubscriptionChange:
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
