"""Billing API lists: what changed the caller's balance, and the caller's orders."""

from collections.abc import Sequence

from billing.orders import records as order_list
from billing.orders.order import Order
from billing.orders.records import OrderFilter
from billing.orders.views import Order as OrderShape
from billing.reports import balance_transactions
from billing.reports.balance_transactions import BalanceTransaction, Wanted
from gateway.answers.answer import Answer
from gateway.answers.plain import plain_answer
from gateway.dialects.billing_api import schemas as shapes
from gateway.http.request_context import RequestContext
from kernel.fields import Fields
from store.database import Transaction


async def transactions(call: RequestContext[Fields, shapes.PageQuery]) -> Answer:
    tenant, query = call.principal.tenant, call.query
    before_id = query.before_id("trf")

    async def work(tx: Transaction) -> tuple[Sequence[BalanceTransaction], str | None]:
        if before_id is None:
            return await balance_transactions.page(
                tx, tenant, offset=query.offset, limit=query.limit
            )
        own = Wanted(tenant.environment, account_id=tenant.account_id)
        return await balance_transactions.page_of_all(
            tx, own, before_id=before_id, limit=query.limit
        )

    found, more = await call.context.database.read(work)
    lines = [shapes.Transaction.of(one) for one in found]
    return plain_answer(shapes.Page(success=True, data=lines, next_cursor=more))


async def orders(call: RequestContext[Fields, shapes.OrdersQuery]) -> Answer:
    tenant, query = call.principal.tenant, call.query
    before_id, wanted = query.before_id("ord"), OrderFilter(status=query.status)

    async def work(tx: Transaction) -> Sequence[Order]:
        if before_id is not None:
            return await order_list.page(
                tx, tenant, wanted, before_id=before_id, limit=query.limit + 1
            )
        found, _ = await order_list.numbered_page(
            tx, tenant, wanted, offset=query.offset, limit=query.limit + 1
        )
        return found

    found = await call.context.database.read(work)
    links = call.context.payments.links
    shown = [OrderShape.of(one, links) for one in found[: query.limit]]
    more = shown[-1].id if len(found) > query.limit else None
    return plain_answer(shapes.Page(success=True, data=shown, next_cursor=more))


async def order(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, order_id = call.principal.tenant, call.params["order_id"]
    found = await call.context.database.read(lambda tx: order_list.get(tx, tenant, order_id))
    shown = OrderShape.of(found, call.context.payments.links)
    return plain_answer(shapes.Said(success=True, data=shown))
