"""Orders: credit that is bought at a payment provider."""

from functools import partial
from typing import Annotated

from msgspec import Meta

from billing.orders import queries as order_list
from billing.orders.order import Order, OrderStatus
from billing.orders.place import AMOUNT_CENTS_MAX, AMOUNT_CENTS_MIN, NewOrder
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, created, exported, ok
from gateway.api.schemas.orders import Order as OrderShape
from gateway.http.idempotency import run_steps
from gateway.http.lists import Export, list_or_csv
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.errors import InvalidInput
from kernel.fields import WEB_URL, ExportPage, Fields, Int64, Text, Time, time_us, within
from kernel.limits import URL_CHARACTERS_MAX
from store.database import Transaction
from store.idempotency import RequestKey

# Extended while the provider is waited for: a takeover finds a process that ended.
LEASE_S = 30
ReturnUrl = Annotated[
    str, Meta(max_length=URL_CHARACTERS_MAX, extra_json_schema={"pattern": WEB_URL})
]


_READS = ("billing:read",)
_COLUMNS = (
    *("id", "status", "provider", "pack_id", "amount", "currency", "pay_amount", "pay_currency"),
    *("credits", "coupon", "order_no", "reference", "created_at", "paid_at", "paid_amount"),
    "trial_days",
)
_EXPORT = Export("orders", _READS, _COLUMNS)


class OrderBody(Fields, frozen=True, kw_only=True):
    """What is bought: a pack, or credit for amount_cents of US dollars; and where it is paid."""

    provider: Annotated[
        Text,
        Meta(
            description=(
                "Where it is paid. In staging `sandbox` is the first provider that the sandbox"
                " stands in for; the order names that one."
            )
        ),
    ]
    pack_id: Text | None = None
    amount_cents: Annotated[Int64, within(AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX)] | None = None
    success_url: ReturnUrl | None = None
    cancel_url: ReturnUrl | None = None
    coupon: Text | None = None
    save_payment_method: Annotated[
        bool,
        Meta(
            description=(
                "The person who signed in agrees that the card is kept, for an auto-recharge. By a"
                " session only, and where the provider keeps cards."
            )
        ),
    ] = False


class OrdersQuery(ExportPage, frozen=True, kw_only=True):
    """Filters of the list; created_after is inclusive, created_before exclusive."""

    status: Annotated[OrderStatus, Meta(description="Only orders in this state.")] | None = None
    provider: Annotated[Text, Meta(description="Only orders at this provider.")] | None = None
    created_after: Time | None = None
    created_before: Time | None = None


async def create(call: RequestContext[OrderBody, Fields]) -> Answer:
    """Write the order, then open its checkout at the provider.

    With an Idempotency-Key an interrupted call continues: the same order, one checkout.
    """
    context, principal, body = call.context, call.principal, call.body
    if body.save_payment_method and principal.kind != "session":
        raise InvalidInput(
            "Only a signed-in user can agree to store a payment method.",
            param="save_payment_method",
        )
    new = NewOrder(
        provider=body.provider,
        pack_id=body.pack_id,
        amount_cents=body.amount_cents,
        coupon=body.coupon,
        success_url=body.success_url,
        cancel_url=body.cancel_url,
        created_by=principal.credential_id,
        request_digest=request_digest(call.request_key),
        saves_payment=body.save_payment_method,
    )

    async def steps() -> Answer:
        placed = await context.payments.place(principal.tenant, new)
        data = OrderShape.of(placed, context.payments.links)
        return answer(codes.SUCCESS, data, now_us=call.now_us, http_status=201)

    return await run_steps(context, principal, call.request_key, steps, lease_s=LEASE_S)


async def list_orders(call: RequestContext[Fields, OrdersQuery]) -> Reply:
    query = call.query
    wanted = order_list.OrderFilter(
        status=query.status,
        provider=query.provider,
        created_after=time_us(query.created_after, "created_after"),
        created_before=time_us(query.created_before, "created_before"),
    )
    shape = partial(OrderShape.of, links=call.context.payments.links)
    read = partial(order_list.stretch, tenant=call.principal.tenant, wanted=wanted)
    return await list_or_csv(call, "ord", read, _EXPORT, shape=shape, sorts=order_list.SORTS)


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, order_id = call.principal.tenant, call.params["order_id"]

    async def work(tx: Transaction) -> Order:
        return await order_list.get(tx, tenant, order_id)

    found = await call.context.database.read(work)
    data = OrderShape.of(found, call.context.payments.links)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


def request_digest(request_key: RequestKey | None) -> str | None:
    return None if request_key is None else request_key.digest + request_key.fingerprint


ROUTES = (
    Route(
        "POST",
        "/orders",
        create,
        "Buy credit: the order, and where it is paid",
        scopes=("billing:write",),
        body=OrderBody,
        description=(
            "Name either a pack_id or an amount_cents. The payer goes to `url`; the credit is there"
            " once the provider says that it was paid, and `order.paid` tells of it. An order whose"
            " coupon covers all of it is paid at once. In staging a provider without credentials is"
            " stood in for by a hosted page of the sandbox."
        ),
        answers=created(OrderShape),
        refuses=(
            codes.AMOUNT_OUT_OF_RANGE,
            codes.NOT_FOUND,
            codes.NOT_REDEEMABLE,
            codes.LIMIT_REACHED,
            codes.PROVIDER_UNAVAILABLE,
        ),
    ),
    Route(
        "GET",
        "/orders",
        list_orders,
        "Orders, newest first",
        scopes=_READS,
        query=OrdersQuery,
        answers=exported(Listing[OrderShape]),
    ),
    Route(
        "GET",
        "/orders/{order_id}",
        show,
        "An order and what became of it",
        scopes=_READS,
        answers=ok(OrderShape),
    ),
)
