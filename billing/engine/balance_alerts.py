"""Watch a batch's balances for balance.low thresholds and recharges.

A drop is recorded once, in the transaction that spends, and fixes the ID of the recharge's order. No other
drop is recorded until that order ends.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from billing.ledger.money import CURRENCY, micros_to_cents
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.balance_watch import NOTHING, BalanceWatch, note_recharges
from store.database import Transaction

HINT: Final = "recharge"
# When to retry a call that lacked balance while a recharge is under way.
RETRY_AFTER_S: Final = 5


class BalanceAlerts:
    """Changed in memory, written by `flush`, under the tenants' locks."""

    def __init__(self) -> None:
        self.changes = 0
        self._read: Mapping[Tenant, BalanceWatch] = {}
        self._changed: dict[Tenant, BalanceWatch] = {}

    def take(self, found: Mapping[Tenant, BalanceWatch]) -> None:
        self._read = found

    def find(self, tenant: Tenant) -> BalanceWatch | None:
        return self._changed.get(tenant) or self._read.get(tenant)

    def record_drop(self, tenant: Tenant, before_micros: int, after_micros: int) -> None:
        """Fix the recharge's order if the spend calls for a recharge."""
        watch = self.find(tenant)
        if watch is not None and watch.is_fall(before_micros, after_micros):
            self.begin(tenant)

    def begin(self, tenant: Tenant) -> str:
        order_id = new_id("ord")
        self._change(tenant, recharge_order_id=order_id)
        return order_id

    def watch(self, tenant: Tenant, *, below_micros: int, from_micros: int) -> None:
        self._change(
            tenant,
            recharge_below=below_micros,
            recharge_from=from_micros,
            recharge_order_id=None,
        )

    def set_below(self, tenant: Tenant, below_micros: int) -> None:
        self._change(tenant, recharge_below=below_micros, recharge_from=below_micros)

    def stop(self, tenant: Tenant) -> None:
        self._change(tenant, recharge_below=None, recharge_from=0)

    def end(self, tenant: Tenant) -> None:
        self._change(tenant, recharge_order_id=None)

    def under_way(self, tenant: Tenant) -> dict[str, Any] | None:
        watch = self.find(tenant)
        if watch is None or watch.recharge_order_id is None:
            return None
        return {"order_id": watch.recharge_order_id, "retry_after": RETRY_AFTER_S}

    async def flush(self, tx: Transaction) -> None:
        if not self._changed:
            return
        await note_recharges(
            tx,
            [
                (*tenant, one.recharge_below, one.recharge_from, one.recharge_order_id)
                for tenant, one in self._changed.items()
            ],
        )
        tx.hint(HINT)

    def _change(self, tenant: Tenant, **changes: Any) -> None:
        self.changes += 1
        self._changed[tenant] = replace(self.find(tenant) or NOTHING, **changes)


def low_balance(threshold_micros: int, balance_micros: int) -> Mapping[str, object]:
    return {
        "balance_cents": micros_to_cents(balance_micros),
        "low_balance_threshold_cents": micros_to_cents(threshold_micros),
        "currency": CURRENCY,
    }
