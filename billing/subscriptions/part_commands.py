"""Parts."""

from dataclasses import dataclass

from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import LedgerAccountKind
from billing.subscriptions.period import too_much
from billing.subscriptions.plan_credit import end_expired, give_part
from billing.subscriptions.plan_credit_back import kept_back_of
from billing.subscriptions.plan_grant import PlanGrant, ungiven_of
from billing.subscriptions.subscription import Subscription
from billing.subscriptions.working_set import SubscriptionWorkingSet
from kernel.errors import LimitReached
from kernel.tenant import Tenant


class CannotHold(LimitReached):
    pass


@dataclass(frozen=True, slots=True)
class GiveParts:
    """Return how many were given. One due after the subscription's end never is; one due before it is,
    however late. Raises CannotHold.
    """

    subscription_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(SubscriptionWorkingSet).ids.add(self.subscription_id)

    def decide(self, state: BatchState) -> int:
        working_set = state.working_set(SubscriptionWorkingSet)
        one = working_set.find(self.subscription_id, self.tenant)
        now_us, given = state.now_of(self.tenant), 0
        for part in working_set.plan_grants.of_subscription(one.id):
            if part.due_at is not None and part.due_at <= now_us:
                given += self._give(state, one, part)
        return given

    def _give(self, state: BatchState, one: Subscription, part: PlanGrant) -> bool:
        working_set = state.working_set(SubscriptionWorkingSet)
        micros = 0
        if one.ended_at is None or part.starts_at < one.ended_at:
            period = next(p for p in working_set.periods(one.id) if p.id == part.period_id)
            parts = working_set.plan_grants.of_period(period.id)
            kept_back = kept_back_of(period, parts, period.refunded_amount)
            micros = min(part.credits_micros, ungiven_of(parts) - kept_back)
        if micros <= 0:
            working_set.plan_grants.keep(replace(part, due_at=None))
            return False
        problem = too_much(state, one, micros)
        if problem is not None:
            raise CannotHold(problem.sentence)
        give_part(state, one, part, micros)
        return True


@dataclass(frozen=True, slots=True)
class EndParts:
    subscription_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(SubscriptionWorkingSet).ids.add(self.subscription_id)

    def decide(self, state: BatchState) -> int:
        one = state.working_set(SubscriptionWorkingSet).find(self.subscription_id, self.tenant)
        expired = state.ledger.account(self.tenant, LedgerAccountKind.EXPIRED)
        before_micros = expired.balance_micros
        found = end_expired(state, one)
        # It stopped counting at its end: that was the drop.
        left_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        gone_micros = expired.balance_micros - before_micros
        state.watches.record_drop(self.tenant, left_micros + gone_micros, left_micros)
        return found
