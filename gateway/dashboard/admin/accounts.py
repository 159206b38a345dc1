"""Find accounts, and show one with its settings and purchases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import Response

from billing.accounts.acts import (
    CLOSE_LIVE,
    LIST_ACCOUNTS,
    OPEN_LIVE,
    RESUME_ACCOUNT,
    SUSPEND_ACCOUNT,
    VERIFY_EMAIL,
    Account as AccountView,
    AccountsQuery,
)
from billing.credits.adjustment import ADJUST_CREDIT
from billing.documents import document as documents
from billing.documents.document import BillingDocument
from billing.ledger import balances as wallet
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.records import OrderFilter
from billing.payments.recharging.acts import SWITCH_OFF
from billing.recharges import recharge
from billing.recharges.recharge import FallCharge, Recharge, month_of
from gateway.dashboard.act_pages import ActPages, act_form, form_route
from gateway.dashboard.admin.account_lists import AccountParts, read_parts
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.spend import last_days, spend_of
from gateway.html.forms import NO_PROBLEM, Form, Problem
from gateway.html.render import page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.fields import Fields
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import Account, get_account, read_tenants
from keys.act import AnyChange
from keys.api_keys.grantable import count_live
from store.database import Transaction

CHARGES_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class RechargeView:
    """`month` is the account's current month, such as 2026-11. `spent_cents` includes pending charges."""

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


PATH: Final = "/dashboard/admin/accounts"
_ACTS: Final[tuple[AnyChange, ...]] = (
    SUSPEND_ACCOUNT,
    RESUME_ACCOUNT,
    OPEN_LIVE,
    CLOSE_LIVE,
    VERIFY_EMAIL,
)
ORDERS_SHOWN: Final = 10
DOCUMENTS_SHOWN: Final = 5
_PAGES: Final = ActPages(
    path="/accounts",
    title="Accounts",
    lead="All accounts, and what each has in this environment.",
    empty="Create one with `topup accounts create`.",
    listed=LIST_ACCOUNTS,
    query=AccountsQuery(),
    filters=("matching",),
    own_address=f"{PATH}/",
)


@dataclass(frozen=True, slots=True)
class SeenAccount:
    account: Account
    balance: Mapping[str, Any]
    keys: int
    orders: Sequence[Order]
    documents: Sequence[BillingDocument]
    recharge: RechargeView | None
    parts: AccountParts


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _account_page(call, (None, Form(), NO_PROBLEM))


def _buttons(account: Account) -> list[tuple[str, str, str]]:
    """Return the path, label and question of each act that has no fields and that the account's state allows."""
    seen = AccountView.of(account)
    fields = msgspec.structs.asdict(seen)
    return [
        (
            f"/dashboard/admin{act.path}".format(account=account.id),
            act.name.partition(".")[2].replace("-", " ").capitalize(),
            act.asks.format_map(fields),
        )
        for act in _ACTS
        if act.input is Fields and (act.applies is None or act.applies(seen))
    ]


async def _account_page(
    call: RequestContext[Any, Any], sent: tuple[AnyChange | None, Form, Problem]
) -> Response:
    context, now_us = call.context, call.now_us
    tenant = Tenant(call.params["account"], call.principal.environment)

    async def work(tx: Transaction) -> SeenAccount:
        account = await get_account(tx, tenant[0])
        is_promo_sendable = context.settings.promo_sendable
        return SeenAccount(
            account,
            await wallet.balance_of(tx, tenant, now_us=now_us, is_promo_sendable=is_promo_sendable),
            await count_live(tx, tenant),
            await order_list.page(tx, tenant, OrderFilter(), before_id=None, limit=ORDERS_SHOWN),
            await documents.page(tx, tenant, before_id=None, limit=DOCUMENTS_SHOWN),
            await recharge_view(tx, tenant, now_us=now_us),
            await read_parts(tx, context.vault, tenant, now_us=now_us),
        )

    seen = await context.database.read(work)
    words = {
        **msgspec.structs.asdict(AccountView.of(seen.account)),
        "amount": "the given number of",
    }
    credit, suspend, off = [
        act_form(act, f"/dashboard/admin{act.path}".format(account=tenant.account_id), words, sent)
        for act in (ADJUST_CREDIT, SUSPEND_ACCOUNT, SWITCH_OFF)
    ]
    return page(
        call,
        "admin/account.html",
        status=sent[2].status,
        seen=seen,
        parts=seen.parts,
        spend=await spend_of(context.database, tenant, last_days(now_us)),
        problem=sent[2],
        buttons=_buttons(seen.account),
        credit=credit,
        suspend=suspend,
        off=off,
        form_key=new_id("frm"),
    )


def _route(act: AnyChange) -> Route:
    return form_route(act, lambda call, form, problem: _account_page(call, (act, form, problem)))


ROUTES = (
    *_PAGES.routes(),
    admin_route("GET", "/accounts/{account}", show, "One account"),
    *map(_route, (*_ACTS, ADJUST_CREDIT, SWITCH_OFF)),
)
