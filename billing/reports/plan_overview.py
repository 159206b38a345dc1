"""An account's plan, what was paid for it, and the plans that it may take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billing.catalog import plan as plans
from billing.catalog.plan import Plan
from billing.documents.document import receipts_of
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import LIVING, Period, Subscription
from kernel.tenant import Tenant
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class PlanOverview:
    """periods: newest first. receipts: IDs by period."""

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
    """periods: newest first."""

    subscription: Subscription
    periods: Sequence[Period]

    @property
    def credited_micros(self) -> int:
        return sum(one.credits_micros - one.reversed_micros for one in self.periods)


async def plan_of_order(tx: Transaction, order_id: str) -> OrderedPlan | None:
    """Return None for an order that began none, or not yet."""
    begun = await subscription_rows.find_by_order(tx, order_id)
    if begun is None:
        return None
    paid = (await subscription_rows.load_periods(tx, [begun.id])).get(begun.id, [])
    return OrderedPlan(begun, paid[::-1])
