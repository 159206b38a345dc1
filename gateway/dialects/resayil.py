"""Resayil: imitate this vendor's API for packs and their purchase history (contract 5.2).

Prices and balances have decimals ("price": 5.00), but the credits of packs and purchases are
integers.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from billing.catalog import pack as packs
from billing.ledger.balances import balance_micros
from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import SETTLED, Order
from billing.orders.place import NewOrder
from billing.orders.records import OrderFilter
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Subscription as Plan
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer, Number, number, plain_answer, price_number
from gateway.answers.outcome import created, ok
from gateway.answers.refusals import Refusal
from gateway.http.idempotency import run_steps
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Route
from kernel.clock import rfc3339
from kernel.fields import Fields, LooseFields, Text
from kernel.words import Time
from store.database import Transaction


class Problem(Struct, kw_only=True):
    """An error. `code` is the HTTP status."""

    message: str
    code: Annotated[int, Meta(description="The HTTP status.")]


class Refused(Struct, kw_only=True):
    """A refusal."""

    error: Annotated[Problem, Meta(description="The error.")]


class Pack(Struct, kw_only=True):
    """A fixed amount of credit for sale."""

    id: str
    name: str
    price: Annotated[Number, Meta(description="The price, in the pack's currency.")]
    currency: str
    credits: int
    popular: bool


class Packs(Struct, kw_only=True):
    """The response of /topup-packs."""

    packs: Annotated[list[Pack], Meta(description="The packs for sale.")]


class Purchase(Struct, kw_only=True):
    """A payment for credit. `id` is the order's reference."""

    id: str
    pack_name: Annotated[str, Meta(description="The pack's name.")]
    credits: int
    amount_paid: Annotated[Number, Meta(description="The amount paid, in the payment's currency.")]
    currency: str
    status: Literal["completed", "pending", "failed"]
    created_at: Time


class Paging(Struct, kw_only=True):
    """The current page, and the number of records."""

    current_page: Annotated[int, Meta(description="The page number, from 1.")]
    per_page: Annotated[int, Meta(description="The number of entries on a page.")]
    total: Annotated[int, Meta(description="The number of entries in all.")]


class History(Struct, kw_only=True):
    """The response of /topup-history."""

    data: Annotated[list[Purchase], Meta(description="The payments of this page.")]
    meta: Annotated[Paging, Meta(description="The position of this page.")]


class Subscription(Struct, kw_only=True):
    """The account's plan, and its balance in credits."""

    tier: Annotated[str, Meta(description="The plan's name.")]
    status: str
    expires_at: Time | None
    credits: Number


class Checkout(Struct, kw_only=True):
    """A checkout. `id` is the order's reference, as in the history."""

    payment_url: Annotated[str, Meta(description="The page where the payer pays.")]
    id: str
    status: Annotated[str, Meta(description="completed if nothing is to be paid.")]


PER_PAGE: Final = 20
PAGES_MAX: Final = 100_000
PROVIDER: Final = "myfatoorah"
NO_PACK: Final = "Custom top-up"
CREDIT_PLACES: Final = 3
NO_PLAN: Final = "free"

Status = Literal["completed", "pending", "failed"]


class TopUpBody(LooseFields, frozen=True, kw_only=True):
    """The pack to buy."""

    pack_id: Text
    coupon: Text | None = None


class PageQuery(LooseFields, frozen=True, kw_only=True):
    """Selects a page of the history, counted from 1."""

    page: Annotated[int, Meta(ge=0, le=PAGES_MAX, description="The page number, from 1.")] = 1


async def list_packs(call: RequestContext[Fields, Fields]) -> Answer:
    environment = call.principal.environment

    async def work(tx: Transaction) -> Sequence[packs.Pack]:
        return await packs.list_packs(tx, environment)

    return plain_answer(Packs(packs=[_pack(one) for one in await call.context.database.read(work)]))


async def buy(call: RequestContext[TopUpBody, Fields]) -> Answer:
    """Create the order and open its checkout. A repeated Idempotency-Key continues an interrupted request."""
    context, principal = call.context, call.principal
    offered = context.payments.providers.offered(principal.environment)
    new = NewOrder(
        provider=PROVIDER if PROVIDER in offered or not offered else offered[0],
        pack_id=call.body.pack_id,
        coupon=call.body.coupon,
        created_by=principal.credential_id,
        request_digest=call.request_digest,
    )

    async def steps() -> Answer:
        order = await context.payments.place(principal.tenant, new)
        url = order.url or context.payments.links.status_url(order.id)
        body = Checkout(payment_url=url, id=order.reference, status=_status(order))
        return plain_answer(body, http_status=201)

    return await run_steps(context, principal, call.request_key, steps)


async def history(call: RequestContext[Fields, PageQuery]) -> Answer:
    tenant, page = call.principal.tenant, max(1, call.query.page)
    wanted = OrderFilter(without_kind="subscription")

    async def work(tx: Transaction) -> tuple[Sequence[Order], int]:
        return await order_list.numbered_page(
            tx, tenant, wanted, offset=(page - 1) * PER_PAGE, limit=PER_PAGE
        )

    found, total = await call.context.database.read(work)
    paging = Paging(current_page=page, per_page=PER_PAGE, total=total)
    return plain_answer(History(data=[_purchase(order) for order in found], meta=paging))


async def subscription(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, now_us = call.principal.tenant, call.now_us

    async def work(tx: Transaction) -> tuple[int, Plan | None]:
        held = await balance_micros(tx, tenant, now_us=now_us)
        return held, await subscription_rows.latest(tx, tenant)

    held, plan = await call.context.database.read(work)
    until = None if plan is None else plan.paid_until_at
    body = Subscription(
        tier=NO_PLAN if plan is None else plan.plan_name.lower(),
        status="active" if plan is None else plan.status,
        expires_at=None if until is None else rfc3339(until),
        credits=number(held * 10**CREDIT_PLACES // MICROS_PER_CREDIT, CREDIT_PLACES),
    )
    return plain_answer(body)


def refuse(refusal: Refusal, _now_us: int) -> Answer:
    status = refusal.http_status
    body = Refused(error=Problem(message=refusal.sentence, code=status))
    return plain_answer(body, http_status=status)


def _pack(one: packs.Pack) -> Pack:
    return Pack(
        id=one.id,
        name=one.name,
        price=price_number(one.price),
        currency=one.currency,
        credits=one.credits,
        popular=one.is_popular,
    )


def _purchase(order: Order) -> Purchase:
    return Purchase(
        id=order.reference,
        pack_name=order.pack_name or NO_PACK,
        credits=order.credits_micros // MICROS_PER_CREDIT,
        # This vendor shows the pack's currency, even if the provider charges in another.
        amount_paid=price_number(Price(order.amount - order.discount, order.currency)),
        currency=order.currency,
        status=_status(order),
        created_at=rfc3339(order.created_at),
    )


def _status(order: Order) -> Status:
    if order.status in SETTLED:
        return "completed"
    return "pending" if order.status in {"pending", "review"} else "failed"


ROUTES = (
    Route(
        "GET",
        "/topup-packs",
        list_packs,
        "List packs",
        scopes=("billing:read",),
        answers=ok(Packs),
    ),
    Route(
        "POST",
        "/topup",
        buy,
        "Buy a pack",
        scopes=("billing:write",),
        body=TopUpBody,
        answers=created(Checkout),
        refuses=(codes.NOT_FOUND, codes.NOT_REDEEMABLE, codes.PROVIDER_UNAVAILABLE),
    ),
    Route(
        "GET",
        "/topup-history",
        history,
        "List payments for credit, newest first",
        scopes=("billing:read",),
        query=PageQuery,
        answers=ok(History),
    ),
    Route(
        "GET",
        "/subscription",
        subscription,
        "Show the plan and balance",
        scopes=("billing:read",),
        answers=ok(Subscription),
    ),
)
SURFACE = ApiSurface("/api/billing", ROUTES, refuse, Refused)
