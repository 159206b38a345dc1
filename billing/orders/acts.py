"""Orders of all accounts: let operators list and show them."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from billing.orders import records as order_list
from billing.orders.order import Order, OrderStatus
from billing.orders.records import OrderFilter
from billing.orders.views import OperatorOrder, OrderHistory, history_of, view_of
from billing.providers import event_log
from billing.providers.event_log import LogEntry
from kernel.errors import NotFound
from kernel.fields import Page, ShortText
from kernel.tenant import Tenant
from kernel.words import AccountName
from keys.account import id_named
from keys.act import OPERATOR, ActContext, ListAct, ReadAct
from store.database import Transaction
from store.keyset import Begin


class OperatorOrdersQuery(Page, frozen=True, kw_only=True):
    """Select orders of all accounts."""

    account: AccountName | None = None
    status: Annotated[OrderStatus, Meta(description="Return only orders in this state.")] | None = (
        None
    )
    provider: (
        Annotated[
            ShortText, Meta(description="Return only orders at this provider, such as stripe.")
        ]
        | None
    ) = None


async def find_order(tx: Transaction, order_id: str) -> Order:
    found = await order_list.find(tx, order_id)
    if found is None:
        raise NotFound("Order")
    return found


async def owner_of(tx: Transaction, order_id: str) -> Tenant:
    return (await find_order(tx, order_id)).tenant


async def list_orders(
    context: ActContext, asked: OperatorOrdersQuery, begin: Begin, limit: int
) -> Sequence[Order]:
    wanted = OrderFilter(
        environment=context.environment,
        account_id=await id_named(context.tx, asked.account),
        status=asked.status,
        provider=asked.provider,
    )
    return await order_list.page_of_all(context.tx, wanted, before_id=begin, limit=limit)


async def show_order(context: ActContext) -> tuple[Order, Sequence[LogEntry]]:
    order = await order_list.get(context.tx, context.tenant, context.object_id)
    return order, await event_log.of_order(context.tx, order.id)


LIST_ORDERS = ListAct(
    name="orders.list",
    summary="List all accounts' orders, newest first",
    path="/orders",
    audience=(OPERATOR,),
    query=OperatorOrdersQuery,
    run=list_orders,
    view=view_of,
    result=OperatorOrder,
    prefix="ord",
    sorts=order_list.SORTS,
    is_catalogue=True,
    summed=("pay_amount", "pay_currency"),
    columns=("id", "account_id", "status", "provider", "pay_amount", "credits", "created_at"),
    examples=("topup orders list --status review --environment live",),
)
SHOW_ORDER = ReadAct(
    name="orders.show",
    summary="Show an order with its provider's reports",
    path="/orders/{order_id}",
    audience=(OPERATOR,),
    run=show_order,
    view=history_of,
    result=OrderHistory,
    owner_of=owner_of,
    examples=("topup orders show ord_4Kp1",),
)
ACTS = (LIST_ORDERS, SHOW_ORDER)
