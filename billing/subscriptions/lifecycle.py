"""Change subscriptions when a provider reports a change or when time passes. No credit moves here.

Outdated reports change nothing, so reports may come in any order.
"""

from dataclasses import dataclass
from typing import Any

from billing.catalog.plan import item_by_ref
from billing.engine.batch_state import BatchState, ReadSet
from billing.orders.records import PeriodClaim
from billing.providers.protocol import SubscriptionStatus
from billing.subscriptions.period import Billed, OnSubscription
from billing.subscriptions.records import ITSELF
from billing.subscriptions.subscription import (
    Subscription,
    SubscriptionState,
    amend,
    by_time,
    may_move,
    move,
    pause,
    unpause,
)
from billing.subscriptions.turn import turn
from billing.subscriptions.working_set import SubscriptionCommand, SubscriptionWorkingSet
from kernel.clock import HOUR_US
from kernel.tenant import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSubscription(OnSubscription):
    """Apply a provider's report of a subscription's state. If `resumes_at` is None, a pause has no planned end."""

    provider_ref: str
    status: SubscriptionStatus
    period_end_at: int | None = None
    is_ending: bool = False
    product_ref: str | None = None
    sent_at: int | None = None
    resumes_at: int | None = None

    def declare(self, read_set: ReadSet) -> None:
        OnSubscription.declare(self, read_set)
        working_set = read_set.working_set(SubscriptionWorkingSet)
        working_set.catalogues.add(self.tenant.environment)
        working_set.claims.add(self._claim())

    def apply(self, state: BatchState, one: Subscription) -> Billed:
        working_set = state.working_set(SubscriptionWorkingSet)
        if one.provider_ref not in {None, self.provider_ref} or (
            working_set.owner_of(self._claim()) != (one.id, ITSELF)
        ):
            detail = f"{self.provider_ref} is not the subscription that the order began"
            return Billed(one, "ignored", detail)
        now_us = state.now_of(one.tenant)
        changed = self._amended(working_set, one, now_us)
        status = self._status(one, changed, now_us)
        if status != one.status and may_move(changed, status):
            changed = move(changed, status, now_us=now_us)
        if changed == one:
            return Billed(one, "repeated")
        turn(state, one, changed)
        return Billed(changed, "applied")

    def _is_stale(self, one: Subscription) -> bool:
        return self.sent_at is not None and self.sent_at < (one.reported_at or 0)

    def _amended(
        self, working_set: SubscriptionWorkingSet, one: Subscription, now_us: int
    ) -> Subscription:
        changes: dict[str, Any] = {"provider_ref": self.provider_ref}
        if self._is_stale(one) or one.status == "cancelled":
            return amend(one, **changes)
        changes["is_ending"] = self.is_ending
        changes |= self._chosen(working_set, one)
        if self.sent_at is not None:
            changes["reported_at"] = self.sent_at
        changed = amend(one, **changes)
        if self.status == "paused":
            return pause(changed, self.resumes_at, now_us=now_us)
        if changed.paused_at is not None:
            # A past-due subscription isn't charged at the end of its period, so the grace period starts now.
            end_at = self.period_end_at if self.status == "active" else None
            return unpause(changed, period_end_at=end_at, now_us=now_us)
        return changed

    def _chosen(self, working_set: SubscriptionWorkingSet, one: Subscription) -> dict[str, Any]:
        item = None
        if self.product_ref not in {None, one.product_ref}:
            assert self.product_ref is not None
            plans = working_set.plans(one.environment)
            item = item_by_ref(plans, one.provider, self.product_ref)
        return {
            "next_plan_id": None if item is None else item.plan_id,
            "next_interval": None if item is None else item.interval,
            "next_amount": None if item is None else item.price.amount,
        }

    def _status(self, one: Subscription, changed: Subscription, now_us: int) -> SubscriptionState:
        """Return the new state. A reported "active" can end a pause. Otherwise, only a payment activates a
        subscription.
        """
        if self.status == "cancelled":
            return "cancelled"
        if self.status == "paused":
            is_begun = changed.paused_at is not None and one.paid_until_at is not None
            return "paused" if is_begun else one.status
        if one.status == "paused" and self._is_stale(one):
            return one.status
        standing: SubscriptionState = "active" if one.status == "paused" else one.status
        if self.status == "active" or self._is_of_paid_time(one, now_us):
            return standing
        return self.status

    def _is_of_paid_time(self, one: Subscription, now_us: int) -> bool:
        if one.paid_until_at is None:
            return False
        told_until_at = self.period_end_at
        if told_until_at is None or told_until_at == one.paid_until_at:
            return now_us < one.paid_until_at
        return told_until_at < one.paid_until_at

    def _claim(self) -> PeriodClaim:
        return PeriodClaim(
            self.notification.provider,
            self.notification.environment,
            self.provider_ref,
            self.tenant.account_id,
            self.subscription_id,
            ITSELF,
        )


@dataclass(frozen=True, slots=True)
class PassTime:
    ids: tuple[str, ...]
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(SubscriptionWorkingSet).ids.update(self.ids)

    def decide(self, state: BatchState) -> int:
        working_set, now_us = state.working_set(SubscriptionWorkingSet), state.now_of(self.tenant)
        moved = 0
        for subscription_id in self.ids:
            one = working_set.find(subscription_id, self.tenant)
            status = by_time(one, now_us)
            if status != one.status:
                turn(state, one, move(one, status, now_us=now_us))
                moved += 1
        return moved


@dataclass(frozen=True, slots=True)
class PutOffCheck(SubscriptionCommand):
    def decide(self, state: BatchState) -> bool:
        one = self._find(state)
        if one.status != "paused":
            return False
        state.working_set(SubscriptionWorkingSet).change(
            amend(one, next_check_at=state.now_of(one.tenant) + HOUR_US)
        )
        return True
