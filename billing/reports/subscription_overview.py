"""Read an account's subscriptions with their periods and open change requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.catalog import plan as plans
from billing.catalog.plan import Plan
from billing.documents.document import receipts_of
from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail
from billing.subscriptions import records as subscription_rows, subscription_change
from billing.subscriptions.subscription import LIVING, Period, Subscription
from billing.subscriptions.subscription_change import SubscriptionChange
from billing.subscriptions.turn import shape
from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.tenant import Tenant
from store.database import Transaction
from store.keyset import Begin


@dataclass(frozen=True, slots=True)
class SubscriptionOverview:
    """`periods` has the oldest first; `changes` has the newest first."""

    subscription: Subscription
    periods: Sequence[Period]
    open_change: SubscriptionChange | None
    changes: Sequence[SubscriptionChange] = ()
    mails: Sequence[OwnerMail] = ()

    @property
    def id(self) -> str:
        return self.subscription.id

    def shape(self) -> dict[str, Any]:
        change = self.open_change
        return {
            **shape(self.subscription, self.periods),
            "pending": None if change is None else pending_shape(change),
        }


def pending_shape(change: SubscriptionChange) -> dict[str, Any]:
    return {
        "action": change.act,
        "plan_id": change.plan_id,
        "interval": change.interval,
        "requested_at": rfc3339(change.created_at),
        "is_outcome_unknown": change.reason is not None,
        "attempts": change.attempts,
    }


async def overview(
    tx: Transaction, subscription_id: str, *, tenant: Tenant | None = None, environment: str = ""
) -> SubscriptionOverview:
    found = await subscription_rows.find(tx, subscription_id)
    is_there = found is not None and (
        found.tenant == tenant if tenant is not None else environment in {"", found.environment}
    )
    if found is None or not is_there:
        raise NotFound("Subscription")
    [seen] = await _with_parts(tx, [found])
    place = {"account_id": found.account_id, "environment": found.environment, "id": found.id}
    changes = await subscription_change.of_subscription(tx, place)
    mails = await owner_mail.of_subscription(tx, found.tenant, found.id)
    return SubscriptionOverview(found, seen.periods, seen.open_change, changes, mails)


async def overviews(
    tx: Transaction,
    environment: str,
    *,
    account_id: str | None,
    status: str | None = None,
    before_id: Begin,
    limit: int,
) -> Sequence[SubscriptionOverview]:
    found = await subscription_rows.page_of_all(
        tx, environment, status=status, account_id=account_id, before_id=before_id, limit=limit
    )
    return await _with_parts(tx, found)


async def _with_parts(
    tx: Transaction, found: Sequence[Subscription]
) -> Sequence[SubscriptionOverview]:
    ids = [one.id for one in found]
    periods = await subscription_rows.load_periods(tx, ids)
    changes = await subscription_change.open_of(tx, ids)
    return [
        SubscriptionOverview(one, periods.get(one.id, []), changes.get(one.id)) for one in found
    ]


@dataclass(frozen=True, slots=True)
class PlanOverview:
    own: Subscription | None
    periods: Sequence[Period]
    sold: Sequence[Plan]
    had_trial: bool = False
    receipts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_living(self) -> bool:
        return self.own is not None and self.own.status in LIVING


async def plan_overview(tx: Transaction, tenant: Tenant) -> PlanOverview:
    own = await subscription_rows.latest(tx, tenant)
    periods = {} if own is None else await subscription_rows.load_periods(tx, [own.id])
    paid = periods.get(own.id, []) if own is not None else []
    sold = await plans.list_plans(tx, tenant.environment)
    tried = (await subscription_rows.load_carried(tx, [tenant])).tried
    receipts = await receipts_of(tx, (one.id for one in paid)) if paid else {}
    return PlanOverview(own, paid[::-1], sold, tenant in tried, receipts)


@dataclass(frozen=True, slots=True)
class OrderedPlan:
    subscription: Subscription
    periods: Sequence[Period]

    @property
    def credited_micros(self) -> int:
        return sum(one.credits_micros - one.reversed_micros for one in self.periods)


async def plan_of_order(tx: Transaction, order_id: str) -> OrderedPlan | None:
    begun = await subscription_rows.find_by_order(tx, order_id)
    if begun is None:
        return None
    paid = (await subscription_rows.load_periods(tx, [begun.id])).get(begun.id, [])
    return OrderedPlan(begun, paid[::-1])
