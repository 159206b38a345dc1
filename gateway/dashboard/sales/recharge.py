"""Read an account's recharge for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.recharges import recharge
from billing.recharges.recharge import FallCharge, Recharge, month_of
from kernel.tenant import Tenant
from keys.account import read_tenants
from store.database import Transaction

CHARGES_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class RechargeView:
    """month: by the account's clock, such as 2026-11. spent_cents: taken in it, or still awaited."""

    recharge: Recharge
    month: str
    spent_cents: int
    charges: Sequence[FallCharge]


async def recharge_view(tx: Transaction, tenant: Tenant, *, now_us: int) -> RechargeView | None:
    found = await recharge.find(tx, tenant)
    if found is None:
        return None
    ahead_us = (await read_tenants(tx, [tenant])).clocks_ahead_us.get(tenant, 0)
    month = month_of(now_us + ahead_us)
    spent = await recharge.spent_cents(tx, [tenant])
    charges = await recharge.latest_charges(tx, tenant, limit=CHARGES_SHOWN)
    return RechargeView(found, month, spent.get((tenant, month), 0), charges)
