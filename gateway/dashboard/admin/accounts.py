"""Accounts: found by a part of their name or address; one with what it has and bought, and the form that
gives it credit or takes some away.
"""

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
    AccountsQuery,
)
from billing.accounts.views import Account as AccountView
from billing.credits.adjustment import Adjusted, new_adjustment
from billing.documents import document as documents
from billing.documents.document import BillingDocument
from billing.ledger import balances as wallet
from billing.orders import queries as order_list
from billing.orders.order import Order
from billing.orders.queries import OrderFilter
from billing.payments.recharging.acts import SWITCH_OFF
from gateway.answers.answer import Answer
from gateway.dashboard.act_pages import ActPages, form_route
from gateway.dashboard.admin.account_parts import AccountParts, read_parts
from gateway.dashboard.admin.fields import admin_route, day_us, number
from gateway.dashboard.form_idempotency import form_key
from gateway.dashboard.sales.recharge import RechargeView, recharge_view
from gateway.dashboard.spend import last_days, spend_of
from gateway.html.act_form import fields_of
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.render import go, page
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import Account, get_account
from keys.api_keys.grantable import count_live
from keys.audit_log import Actor
from store.database import Transaction

PATH: Final = "/dashboard/admin/accounts"
_UNTYPED: Final = (Form(), NO_PROBLEM)
_ACTS: Final = (SUSPEND_ACCOUNT, RESUME_ACCOUNT, OPEN_LIVE, CLOSE_LIVE, VERIFY_EMAIL)
ORDERS_SHOWN: Final = 10
DOCUMENTS_SHOWN: Final = 5
_PAGES: Final = ActPages(
    path="/accounts",
    title="Accounts",
    lead="Everybody's, with what each has in this environment.",
    empty="Make one with `topup accounts create`.",
    listed=LIST_ACCOUNTS,
    query=AccountsQuery(),
    filters=("matching",),
    own_address=f"{PATH}/",
)


@dataclass(frozen=True, slots=True)
class SeenAccount:
    """An account in one environment. keys: how many are not revoked."""

    account: Account
    balance: Mapping[str, Any]
    keys: int
    orders: Sequence[Order]
    documents: Sequence[BillingDocument]
    recharge: RechargeView | None
    parts: AccountParts


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _account_page(call)


async def adjust(call: RequestContext[Fields, Fields]) -> Reply:
    form, principal = read_form(call), call.principal
    tenant = Tenant(call.params["account"], principal.environment)
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
        return await _account_page(call, credit=(form, problem_of(error)))
    return go(f"{PATH}/{tenant.account_id}", said="credit-adjusted")


def _nothing_to_tell(_adjusted: Adjusted) -> Answer:
    return Answer(200, b"")


def _buttons(account: Account) -> list[tuple[str, str, str]]:
    """Return the path, the word and the question of each act without fields that the account's state allows."""
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
    call: RequestContext[Any, Any],
    credit: tuple[Form, Problem] = _UNTYPED,
    suspension: tuple[Form, Problem] = _UNTYPED,
) -> Response:
    """Show the account in this session's environment, with what was wrong in one of its forms."""
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
    return page(
        call,
        "admin/account.html",
        status=max(credit[1].status, suspension[1].status),
        seen=seen,
        parts=seen.parts,
        spend=await spend_of(context.database, tenant, last_days(now_us)),
        form=credit[0],
        problem=credit[1],
        buttons=_buttons(seen.account),
        suspend=SUSPEND_ACCOUNT,
        suspend_fields=fields_of(SUSPEND_ACCOUNT.input, suspension[0]),
        suspend_problem=suspension[1],
        form_key=new_id("frm"),
    )


async def _suspension_page(call: RequestContext[Any, Any], form: Form, problem: Problem) -> Reply:
    return await _account_page(call, suspension=(form, problem))


ROUTES = (
    *_PAGES.routes(),
    admin_route("GET", "/accounts/{account}", show, "One account"),
    admin_route("POST", "/accounts/{account}/credit", adjust, "Give credit, take it away"),
    *(form_route(act, _suspension_page) for act in (*_ACTS, SWITCH_OFF)),
)
