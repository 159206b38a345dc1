"""Accounts: found by a part of their name or address, and one with what it has and bought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from billing import order_list, wallet
from billing.order import Order
from billing.order_list import Filter
from gateway.call import Call
from gateway.fields import Fields, cursor_id
from gateway.pages.admin.fields import admin_route
from gateway.pages.form import read_query
from gateway.pages.paging import ASKED, paged
from gateway.pages.render import page
from gateway.routing import Reply
from keys.account import Account, get_account, list_accounts
from keys.key_grant import count_live
from store.db import Transaction

ORDERS_SHOWN: Final = 10
MATCHING_CHARACTERS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """An account in one environment. keys: how many are not revoked."""

    account: Account
    balance: Mapping[str, Any]
    keys: int
    orders: Sequence[Order]


async def show_list(call: Call[Fields, Fields]) -> Reply:
    """Newest first."""
    asked = read_query(call)
    matching = asked.text("matching")[:MATCHING_CHARACTERS_MAX]
    before_id = cursor_id(asked.text("cursor") or None, "acc")

    async def work(tx: Transaction) -> list[Account]:
        return await list_accounts(tx, matching=matching, before_id=before_id, limit=ASKED)

    found = await call.context.database.read(work)
    listing = paged(call, found, lambda one: str(one.id), filters=("matching",))
    return page(call, "admin/accounts.html", listing=listing)


async def show(call: Call[Fields, Fields]) -> Reply:
    """One account, as it stands in this session's environment."""
    context, now_us = call.context, call.now_us
    scope = (call.params["account_id"], call.principal.environment)

    async def work(tx: Transaction) -> Seen:
        account = await get_account(tx, scope[0])
        is_promo_sendable = context.settings.promo_sendable
        return Seen(
            account,
            await wallet.balance_of(tx, scope, now_us=now_us, is_promo_sendable=is_promo_sendable),
            await count_live(tx, scope),
            await order_list.page(tx, scope, Filter(), before_id=None, limit=ORDERS_SHOWN),
        )

    return page(call, "admin/account.html", seen=await context.database.read(work))


ROUTES = (
    admin_route("GET", "/accounts", show_list, "Accounts"),
    admin_route("GET", "/accounts/{account_id}", show, "One account"),
)
