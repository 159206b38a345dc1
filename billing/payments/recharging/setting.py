"""Set, remove and disable a recharge, under the tenant's lock.

What is under way continues to its end, so a charge that may have been made is always followed. Setting it
below the mark counts as a drop.
"""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.orders.working_set import OrderWorkingSet
from billing.recharges.recharge import Recharge
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor

_COMMAND_LINE: Final = Actor()


@dataclass(frozen=True, slots=True)
class SetRecharge:
    """Sets the recharge and enables it. actor: for the audit log."""

    wanted: Recharge
    actor: Actor = _COMMAND_LINE

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.wanted.tenant)
        read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> Recharge:
        tenant = self.wanted.tenant
        kept = replace(self.wanted, changed_at=state.now_us)
        state.working_set(OrderWorkingSet).recharges.keep(kept)
        limits = ("below_cents", "amount_cents", "monthly_max_cents")
        state.working_set(AuditEntries).add(
            audit_log.security(
                self.actor,
                "recharge.set",
                account_id=tenant.account_id,
                environment=tenant.environment,
                subject_id=tenant.account_id,
                after={name: getattr(kept, name) for name in limits},
                now_us=state.now_us,
            )
        )
        watch = state.watches.find(tenant)
        if watch is not None and watch.recharge_order_id is not None:
            state.watches.set_below(tenant, kept.below_micros)
            return kept
        state.watches.watch(tenant, below_micros=kept.below_micros, from_micros=kept.below_micros)
        if state.ledger.balance_micros(tenant, state.now_us) < kept.below_micros:
            state.watches.begin(tenant)
        return kept


@dataclass(frozen=True, slots=True)
class RemoveRecharge:
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant)

    def decide(self, state: BatchState) -> Recharge:
        recharges = state.working_set(OrderWorkingSet).recharges
        found = recharges.find(self.tenant)
        if found is None:
            raise NotFound("Recharge")
        recharges.remove(self.tenant)
        state.watches.stop(self.tenant)
        return found


@dataclass(frozen=True, slots=True)
class SwitchRechargeOff:
    """Disables it until the account sets it again; raises NotFound. person: who decides."""

    tenant: Tenant
    actor: Actor
    reason: str
    person: str

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant)
        read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> Recharge:
        recharges = state.working_set(OrderWorkingSet).recharges
        found = recharges.find(self.tenant)
        if found is None:
            raise NotFound("Recharge")
        off = replace(found, disabled_reason="operator", retry_at=None, changed_at=state.now_us)
        recharges.keep(off)
        state.watches.stop(self.tenant)
        state.working_set(AuditEntries).add(
            audit_log.entry(
                self.actor,
                "recharge.switch_off",
                environment=self.tenant.environment,
                account_id=self.tenant.account_id,
                subject_id=self.tenant.account_id,
                before={"disabled_reason": found.disabled_reason},
                after={"disabled_reason": off.disabled_reason, "by": self.person},
                reason=self.reason,
                now_us=state.now_us,
            )
        )
        return off


def _declare(read_set: ReadSet, tenant: Tenant) -> None:
    read_set.tenants.add(tenant)
    read_set.working_set(OrderWorkingSet).recharges.tenants.add(tenant)
