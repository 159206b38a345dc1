"""The recharge of one account, as an operator sees it: what it may buy by itself, and the button that ends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.payments.recharging.setting import SwitchRechargeOff
from billing.recharges import records
from billing.recharges.recharge import FallCharge, Recharge, month_of
from gateway.dashboard.admin.fields import admin_route
from gateway.html.forms import read_form
from gateway.html.render import go
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import InvalidInput
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys.account import read_tenants
from keys.audit_log import Actor
from store.database import Transaction

CHARGES_SHOWN: Final = 10
REASON_CHARACTERS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class RechargeView:
    """month: the current one by the account's clock, such as 2026-11; spent_cents: what recharges took in
    it, or may still take. charges: the latest, the newest first.
    """

    recharge: Recharge
    month: str
    spent_cents: int
    charges: Sequence[FallCharge]


async def recharge_view(tx: Transaction, tenant: Tenant, *, now_us: int) -> RechargeView | None:
    """None where the account wants no recharge there."""
    found = await records.find(tx, tenant)
    if found is None:
        return None
    ahead_us = (await read_tenants(tx, [tenant])).clocks_ahead_us.get(tenant, 0)
    month = month_of(now_us + ahead_us)
    spent = await records.spent_cents(tx, [tenant])
    charges = await records.latest_charges(tx, tenant, limit=CHARGES_SHOWN)
    return RechargeView(found, month, spent.get((tenant, month), 0), charges)


async def switch_off(call: RequestContext[Fields, Fields]) -> Reply:
    """Nothing is bought by itself any more, until the account sets it again; the reason is kept."""
    form, account_id = read_form(call), call.params["account"]
    reason = form.text("recharge_reason")
    if not reason or len(reason) > REASON_CHARACTERS_MAX:
        raise InvalidInput(f"1 to {REASON_CHARACTERS_MAX} characters", param="recharge_reason")
    tenant = Tenant(account_id, call.principal.environment)
    await call.context.engine.submit(SwitchRechargeOff(tenant, Actor.of(call.principal), reason))
    return go(f"/dashboard/admin/accounts/{account_id}", said="recharge-switched-off")


ROUTES = (
    admin_route("POST", "/accounts/{account}/recharge/off", switch_off, "Switch a recharge off"),
)
