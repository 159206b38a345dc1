"""Load and save the subscriptions of one transaction, with their periods, reversals and plans.

Only subscriptions of locked accounts are found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.catalog import plan
from billing.catalog.plan import Plan
from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import LedgerAccountKind
from billing.orders import refund
from billing.orders.records import ObjectKey, PeriodClaim
from billing.orders.refund import SaleWorkingSet
from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail
from billing.subscriptions import plan_grant as plan_grant_rows, records as subscription_rows
from billing.subscriptions.plan_grant import PlanGrants
from billing.subscriptions.records import HeldInvoice, PeriodKey
from billing.subscriptions.subscription import GRACE_US, LIVING, Period, Subscription
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import set_plan_only
from store.database import Transaction


class SubscriptionWorkingSet(SaleWorkingSet):
    rank = 70

    def __init__(self) -> None:
        super().__init__()
        self.plan_grants = PlanGrants()
        self.ids: set[str] = set()
        self.orders: set[str] = set()
        self.taken: set[Tenant] = set()
        self.living: set[Tenant] = set()
        self.tried: set[Tenant] = set()
        self.claims: set[PeriodClaim] = set()
        self.catalogues: set[str] = set()
        self._subscriptions: dict[str, Subscription] = {}
        self._by_order: dict[str, str] = {}
        self._living: dict[Tenant, Subscription] = {}
        self._taken: dict[Tenant, dict[str, Subscription]] = {}
        self._carried: Mapping[tuple[Tenant, str, str], int] = {}
        self._tried: frozenset[Tenant] = frozenset()
        self._held: dict[str, list[HeldInvoice]] = {}
        self._owned: list[PeriodClaim] = []
        self._owner_mails: list[OwnerMail] = []
        self._new_held: list[HeldInvoice] = []
        self._resolved: list[HeldInvoice] = []
        self._reopened: list[ObjectKey] = []
        self._periods: dict[str, dict[int, Period]] = {}
        self._owners: dict[ObjectKey, PeriodKey] = {}
        self._plans: dict[str, Sequence[Plan]] = {}
        self._new: dict[str, Subscription] = {}
        self._changed: dict[str, Subscription] = {}
        self._kept_periods: dict[str, Period] = {}
        self._customers: dict[tuple[str, str, str], str] = {}
        self._plan_only: dict[Tenant, int | None] = {}

    @property
    def changes(self) -> int:  # type: ignore[override]
        return super().changes + self.plan_grants.changes

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:
        await self._load_catalogue(tx)
        found = await subscription_rows.load(tx, self.ids) if self.ids else {}
        if self.orders:
            found |= await subscription_rows.load_of_orders(tx, self.orders)
        if not found:
            return
        self._subscriptions = {i: one for i, one in found.items() if one.tenant in read_set.tenants}
        for one in self._subscriptions.values():
            read_set.places.add((*one.tenant, str(LedgerAccountKind.PROVIDER), one.provider))
        self._by_order = {one.order_id: one.id for one in self._subscriptions.values()}
        if self.orders:
            for each in await subscription_rows.load_held(tx, self._subscriptions):
                self._held.setdefault(each.subscription_id, []).append(each)
        periods = await subscription_rows.load_periods(tx, self._subscriptions)
        self._periods = {i: {p.period_start_at: p for p in kept} for i, kept in periods.items()}
        period_ids = [period.id for kept in periods.values() for period in kept]
        if period_ids:
            self.reversals.take(await subscription_rows.load_reversals(tx, period_ids))
            self.refunds.take(await refund.load(tx, period_ids))
        await self._load_plan_grants(tx, read_set)
        claims = [one for one in self.claims if self._is_genuine(one)]
        if claims:
            self._owners = await subscription_rows.claim(tx, claims, now_us=now_us)

    async def _load_plan_grants(self, tx: Transaction, read_set: ReadSet) -> None:
        tenants = {one.tenant for one in self._subscriptions.values()}
        for tenant in tenants:
            read_set.places.add((*tenant, str(LedgerAccountKind.EXPIRED), ""))
        found = await plan_grant_rows.load(tx, tenants)
        self.plan_grants.take(found)
        for one in found:
            if one.is_apart and one.granted_micros:
                read_set.places.add((*one.tenant, str(LedgerAccountKind.GRANT), one.id))

    async def _load_catalogue(self, tx: Transaction) -> None:
        if self.living:
            self._living = await subscription_rows.load_living(tx, self.living)
        if self.living or self.tried:
            carried = await subscription_rows.load_carried(tx, self.living | self.tried)
            self._carried, self._tried = carried.amounts, carried.tried
        if self.taken or self.living:
            for one in await subscription_rows.load_taken(tx, self.taken | self.living):
                self._taken.setdefault(one.tenant, {})[one.id] = one
        for environment in sorted(self.catalogues):
            self._plans[environment] = await plan.list_plans(tx, environment, with_inactive=True)

    async def update(self, tx: Transaction, now_us: int) -> None:
        await subscription_rows.insert(tx, list(self._new.values()))
        await subscription_rows.update(tx, list(self._changed.values()))
        await subscription_rows.save_periods(tx, self._kept_periods.values())
        await subscription_rows.save_reversals(tx, self.reversals.changed)
        await self.refunds.write(tx, now_us)
        await plan_grant_rows.save(tx, self.plan_grants.changed)
        await set_plan_only(tx, self._plan_only)
        customers = [(*place, ref) for place, ref in self._customers.items()]
        await subscription_rows.save_customers(tx, customers, now_us=now_us)
        if self._owned:
            await subscription_rows.claim(tx, self._owned, now_us=now_us)
        await owner_mail.insert(tx, self._owner_mails)
        await subscription_rows.save_held(tx, self._new_held)
        await subscription_rows.resolve(tx, self._resolved, now_us=now_us)
        await subscription_rows.reopen(tx, self._reopened)
        await self.write_log(tx)

    def find(self, subscription_id: str, tenant: Tenant) -> Subscription:
        found = self._subscriptions.get(subscription_id)
        if found is None or found.tenant != tenant:
            raise NotFound("Subscription")
        return found

    def of_order(self, order_id: str) -> Subscription | None:
        found = self._by_order.get(order_id)
        return None if found is None else self._subscriptions[found]

    def living_of(self, tenant: Tenant) -> Subscription | None:
        return self._living.get(tenant)

    def taken_of(self, tenant: Tenant) -> Subscription | None:
        return next(iter(self._taken.get(tenant, {}).values()), None)

    def taken_beside(self, one: Subscription) -> Subscription | None:
        others = self._taken.get(one.tenant, {})
        return next((other for i, other in others.items() if i != one.id), None)

    def take(self, one: Subscription) -> None:
        self._taken.setdefault(one.tenant, {})[one.id] = one

    def carried(self, tenant: Tenant, provider: str, currency: str) -> int:
        return self._carried.get((tenant, provider, currency), 0)

    def had_trial(self, tenant: Tenant) -> bool:
        return tenant in self._tried

    def held(self, subscription_id: str) -> Sequence[HeldInvoice]:
        return self._held.get(subscription_id, [])

    def hold(self, invoice: HeldInvoice) -> None:
        self.changed()
        self._new_held.append(invoice)

    def resolve(self, invoice: HeldInvoice) -> None:
        self.changed()
        self._held[invoice.subscription_id].remove(invoice)
        self._resolved.append(invoice)

    def reopen(self, place: ObjectKey) -> None:
        self.changed()
        self._reopened.append(place)

    def plans(self, environment: str) -> Sequence[Plan]:
        return self._plans[environment]

    def owner_of(self, claim: PeriodClaim) -> PeriodKey | None:
        return self._owners.get(claim.key)

    def add(self, subscription: Subscription) -> None:
        self.changed()
        self._subscriptions[subscription.id] = self._new[subscription.id] = subscription

    def change(self, subscription: Subscription) -> None:
        self.changed()
        before = _plan_only_until(self._subscriptions[subscription.id])
        if (after := _plan_only_until(subscription)) != before:
            self._plan_only[subscription.tenant] = after
        self._subscriptions[subscription.id] = subscription
        kept = self._new if subscription.id in self._new else self._changed
        kept[subscription.id] = subscription
        if subscription.status in LIVING:
            self.take(subscription)
        else:
            self._taken.get(subscription.tenant, {}).pop(subscription.id, None)

    def save_customer(self, subscription: Subscription) -> None:
        if subscription.customer_ref is not None and not subscription.is_simulated:
            self.changed()
            place = (*subscription.tenant, subscription.provider)
            self._customers[place] = subscription.customer_ref

    def periods(self, subscription_id: str) -> Sequence[Period]:
        return list(self._periods.get(subscription_id, {}).values())

    def period(self, place: PeriodKey) -> Period | None:
        return self._periods.get(place[0], {}).get(place[1])

    def save_period(self, period: Period) -> None:
        self.changed()
        kept = self._periods.setdefault(period.subscription_id, {})
        kept[period.period_start_at] = self._kept_periods[period.id] = period

    def mail_owner(self, mail: OwnerMail) -> None:
        self.changed()
        self._owner_mails.append(mail)

    def own(self, claim: PeriodClaim) -> None:
        self.changed()
        self._owned.append(claim)

    def _is_genuine(self, claim: PeriodClaim) -> bool:
        found = self._subscriptions.get(claim.subscription_id)
        named = (claim.provider, claim.environment)
        return found is not None and (found.provider, found.environment) == named


@dataclass(frozen=True, slots=True)
class SubscriptionCommand:
    subscription_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(SubscriptionWorkingSet).ids.add(self.subscription_id)

    def _find(self, state: BatchState) -> Subscription:
        return state.working_set(SubscriptionWorkingSet).find(self.subscription_id, self.tenant)


def _plan_only_until(one: Subscription) -> int | None:
    """Return the time until which only this plan pays for usage. Return None if the wallet pays, too."""
    is_living = one.status in LIVING and one.paid_until_at is not None
    if not is_living or one.grant_terms.when_used_up != "stop":
        return None
    assert one.paid_until_at is not None
    return one.paid_until_at + GRACE_US
