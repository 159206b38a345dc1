"""Accounts: found by a part of their name or address; one with what it has and bought, and the form
that gives it credit or takes some away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from billing.credits.adjustment import Adjusted, new_adjustment
from billing.documents import document as documents
from billing.documents.document import BillingDocument
from billing.ledger import balances as wallet
from billing.orders import queries as order_list
from billing.orders.order import Order
from billing.orders.queries import OrderFilter
from billing.reports.operator.accounts import SORTS, AccountWithWallet, list_with_wallets
from gateway.answers.answer import Answer
from gateway.dashboard.admin.account_parts import AccountParts, read_parts
from gateway.dashboard.admin.fields import admin_route, day_us, number, tell_account
from gateway.dashboard.form_idempotency import form_key
from gateway.dashboard.sales.recharge import RechargeView, recharge_view
from gateway.dashboard.sheet import Sheet, list_page
from gateway.dashboard.spend import last_days, spend_of
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import go, page
from gateway.http.fields import place_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import Account, get_account
from keys.api_keys.grantable import count_live
from keys.audit_log import Actor
from keys.live import close_live, open_live, verify_email
from store.database import Transaction

PATH: Final = "/dashboard/admin/accounts"
ORDERS_SHOWN: Final = 10
DOCUMENTS_SHOWN: Final = 5
MATCHING_CHARACTERS_MAX: Final = 100
_SHEET: Final = Sheet[AccountWithWallet](
    "accounts",
    (
        *("id", "name", "email", "is_operator", "is_sandbox", "live_opened_at", "live_closed_at"),
        *(
            "email_verified_at",
            "suspended_at",
            "suspended_for",
            "time_zone",
            "created_at",
            "last_active_at",
            "wallet_micros",
        ),
    ),
    filters=("matching",),
    sorts=SORTS,
)


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account in one environment. keys: how many are not revoked."""

    account: Account
    balance: Mapping[str, Any]
    keys: int
    orders: Sequence[Order]
    documents: Sequence[BillingDocument]
    recharge: RechargeView | None
    parts: AccountParts


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    """Newest first."""
    matching = read_query(call).text("matching")[:MATCHING_CHARACTERS_MAX]

    environment = call.principal.environment

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[AccountWithWallet]:
        before_id = place_of(cursor, "acc", SORTS)
        return await list_with_wallets(
            tx, environment, matching=matching, before_id=before_id, limit=limit
        )

    return await list_page(call, "admin/accounts.html", _SHEET, read)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    """One account, as it stands in this session's environment."""
    return await account_page(call, Form())


async def adjust(call: RequestContext[Fields, Fields]) -> Reply:
    """Gives the account credit, or takes some away, and keeps why."""
    form, principal = read_form(call), call.principal
    tenant = Tenant(call.params["account_id"], principal.environment)
    await call.context.database.read(lambda tx: get_account(tx, tenant[0]))
    try:
        command = new_adjustment(
            tenant,
            number(form, "amount"),
            form.text("reason"),
            actor=Actor.of(principal),
            is_promotional=form.text("kind") == "promotional",
            expires_at=day_us(form, "expires_at"),
        )
        await call.context.engine.submit_once(command, form_key(call, form), _nothing_to_tell)
    except DomainError as error:
        return await account_page(call, form, problem_of(error))
    return go(f"{PATH}/{tenant.account_id}", said="credit-adjusted")


def _nothing_to_tell(_adjusted: Adjusted) -> Answer:
    return Answer(200, b"")


async def set_live(call: RequestContext[Fields, Fields]) -> Reply:
    """Opens live for the account, or closes it; its live credentials work, or no longer."""
    form, account_id = read_form(call), call.params["account_id"]
    is_open = form.text("to") == "on"
    if not is_open and form.text("to") != "off":
        raise InvalidInput("live is on or off", param="to")

    async def work(tx: Transaction) -> None:
        await (open_live if is_open else close_live)(tx, account_id, now_us=call.now_us)
        await tell_account(tx, call, account_id, "live.opened" if is_open else "live.closed")

    await call.context.database.transaction(work)
    return go(f"{PATH}/{account_id}", said="live-opened" if is_open else "live-closed")


async def set_verified(call: RequestContext[Fields, Fields]) -> Reply:
    """The operator knows that the account's people read that mail."""
    read_form(call)
    account_id = call.params["account_id"]

    async def work(tx: Transaction) -> None:
        await verify_email(tx, account_id, now_us=call.now_us)
        await tell_account(tx, call, account_id, "email.verified")

    await call.context.database.transaction(work)
    return go(f"{PATH}/{account_id}", said="email-verified")


async def account_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    """The account as it stands in this session's environment, with what was wrong in one of its forms."""
    context, now_us = call.context, call.now_us
    tenant = Tenant(call.params["account_id"], call.principal.environment)

    async def work(tx: Transaction) -> AccountView:
        account = await get_account(tx, tenant[0])
        is_promo_sendable = context.settings.promo_sendable
        return AccountView(
            account,
            await wallet.balance_of(tx, tenant, now_us=now_us, is_promo_sendable=is_promo_sendable),
            await count_live(tx, tenant),
            await order_list.page(tx, tenant, OrderFilter(), before_id=None, limit=ORDERS_SHOWN),
            await documents.page(tx, tenant, before_id=None, limit=DOCUMENTS_SHOWN),
            await recharge_view(tx, tenant, now_us=now_us),
            await read_parts(tx, context.vault, tenant, now_us=now_us),
        )

    seen = await context.database.read(work)
    return page(
        call,
        "admin/account.html",
        status=problem.status,
        seen=seen,
        parts=seen.parts,
        spend=await spend_of(context.database, tenant, last_days(now_us)),
        form=form,
        problem=problem,
        form_key=new_id("frm"),
    )


ROUTES = (
    admin_route("GET", "/accounts", show_list, "Accounts"),
    admin_route("GET", "/accounts/{account_id}", show, "One account"),
    admin_route("POST", "/accounts/{account_id}/live", set_live, "Open live, close it"),
    admin_route("POST", "/accounts/{account_id}/verified", set_verified, "Verify its address"),
    admin_route("POST", "/accounts/{account_id}/credit", adjust, "Give credit, take it away"),
)
