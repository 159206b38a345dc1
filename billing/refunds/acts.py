"""Refunds and disputes: of everybody's orders, listed and shown to operators."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from billing.orders.refund_row import Refund as RefundRow, RefundState
from billing.refunds import queries as refund_rows
from billing.refunds.views import Refund
from kernel.fields import Page, Text
from kernel.tenant import Tenant
from keys.act import ActContext, ListAct, ReadAct
from keys.principal import ADMIN
from store.database import Transaction
from store.keyset import Begin


class RefundsQuery(Page, frozen=True, kw_only=True):
    """Filters of the list."""

    status: Annotated[RefundState, Meta(description="Only refunds in this state.")] | None = None
    order_id: Annotated[Text, Meta(description="Only refunds of this order.")] | None = None
    open: Annotated[bool, Meta(description="Only refunds that have not ended.")] = False


async def owner_of(tx: Transaction, refund_id: str) -> Tenant:
    """Return whose order's refund it is; raises NotFound."""
    return (await refund_rows.find(tx, refund_id)).tenant


async def list_refunds(
    context: ActContext, asked: RefundsQuery, begin: Begin, limit: int
) -> Sequence[RefundRow]:
    """Return a page of everybody's refunds, the newest first."""
    return await refund_rows.page(
        context.tx,
        context.environment,
        status=asked.status,
        is_open_only=asked.open,
        order_id=asked.order_id,
        before_id=begin,
        limit=limit,
    )


async def show_refund(context: ActContext) -> RefundRow:
    """Return one refund, whoever's order it is of; raises NotFound."""
    return await refund_rows.find(context.tx, context.object_id, context.environment)


LIST_REFUNDS = ListAct(
    name="refunds.list",
    summary="Refunds of everybody's orders, newest first",
    path="/refunds",
    scopes=(ADMIN,),
    query=RefundsQuery,
    run=list_refunds,
    view=Refund.of,
    result=Refund,
    prefix="rfd",
    is_catalogue=True,
    columns=("id", "status", "amount", "order_id", "provider", "reason", "detail", "created_at"),
    examples=("topup refunds list --environment live --open", "topup refunds list --status failed"),
)
SHOW_REFUND = ReadAct(
    name="refunds.show",
    summary="A refund and what became of it",
    path="/refunds/{refund_id}",
    scopes=(ADMIN,),
    run=show_refund,
    view=Refund.of,
    result=Refund,
    owner_of=owner_of,
    examples=("topup refunds show rfd_4Kp1",),
)
ACTS = (LIST_REFUNDS, SHOW_REFUND)
