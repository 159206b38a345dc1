"""Orders: credit that is bought at a payment provider."""

from typing import Annotated, Final

from msgspec import Meta

from billing.catalog.coupon import CouponRefused
from billing.orders import records as order_list
from billing.orders.links import OrderLinks
from billing.orders.order import OrderStatus, TooManyOrders
from billing.orders.place import AMOUNT_CENTS_MAX, AMOUNT_CENTS_MIN, NewOrder
from billing.orders.views import Order
from billing.payments.payments import Payments
from billing.providers.protocol import ProviderUnavailable
from billing.topups.send import AmountOutOfRange
from kernel.errors import InvalidInput, NotFound
from kernel.fields import WEB_URL, ExportPage, Fields, Int64, Text, Time, time_us, within
from kernel.limits import URL_CHARACTERS_MAX
from keys.act import MERCHANT, ActContext, CallContext, ListAct, ReadAct, StepsAct
from store.keyset import Begin, ListStretch

# Extended during the provider's call, so only the call of a process that ended is taken over.
LEASE_S: Final = 30
ReturnUrl = Annotated[
    str, Meta(max_length=URL_CHARACTERS_MAX, extra_json_schema={"pattern": WEB_URL})
]
_READS: Final = ("billing:read",)


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


async def create_order(context: CallContext, asked: OrderBody) -> Order:
    """Write the order, then open its checkout at the provider.

    With an Idempotency-Key an interrupted call continues: the same order, one checkout.
    """
    asker, payments = context.asker, context.service(Payments)
    if asked.save_payment_method and (asker is None or asker.kind != "session"):
        raise InvalidInput(
            "Only a signed-in user can agree to store a payment method.",
            param="save_payment_method",
        )
    new = NewOrder(
        provider=asked.provider,
        pack_id=asked.pack_id,
        amount_cents=asked.amount_cents,
        coupon=asked.coupon,
        success_url=asked.success_url,
        cancel_url=asked.cancel_url,
        created_by=context.by.name,
        request_digest=context.request_digest,
        saves_payment=asked.save_payment_method,
    )
    return Order.of(await payments.place(context.tenant, new), payments.links)


async def list_orders(
    context: ActContext, asked: OrdersQuery, begin: Begin, limit: int
) -> ListStretch[Order]:
    wanted = order_list.OrderFilter(
        status=asked.status,
        provider=asked.provider,
        created_after=time_us(asked.created_after, "created_after"),
        created_before=time_us(asked.created_before, "created_before"),
    )
    found = await order_list.stretch(
        context.tx, context.tenant, wanted, before_id=begin, limit=limit
    )
    links = context.service(OrderLinks)
    shown = (Order.of(one, links) for one in found)
    return ListStretch(shown, found.end, has_more=found.has_more)


async def show_order(context: ActContext) -> Order:
    found = await order_list.get(context.tx, context.tenant, context.object_id)
    return Order.of(found, context.service(OrderLinks))


CREATE_ORDER = StepsAct(
    name="orders.create",
    summary="Buy credit: the order, and where it is paid",
    description=(
        "Name either a pack_id or an amount_cents. The payer goes to `url`; the credit is there"
        " once the provider says that it was paid, and `order.paid` tells of it. An order whose"
        " coupon covers all of it is paid at once. In staging a provider without credentials is"
        " stood in for by a hosted page of the sandbox."
    ),
    path="/orders",
    scopes=("billing:write",),
    audience=(MERCHANT,),
    input=OrderBody,
    run=create_order,
    result=Order,
    status=201,
    lease_s=LEASE_S,
    refuses=(AmountOutOfRange, NotFound, CouponRefused, TooManyOrders, ProviderUnavailable),
    moves_money=True,
    examples=("topup orders create --provider stripe --amount-cents 2000",),
)
LIST_OWN = ListAct(
    name="orders.own-list",
    summary="Orders, newest first",
    path="/orders",
    scopes=_READS,
    audience=(MERCHANT,),
    query=OrdersQuery,
    run=list_orders,
    result=Order,
    prefix="ord",
    sorts=order_list.SORTS,
    export=(
        *("id", "status", "provider", "pack_id", "amount", "currency", "pay_amount"),
        *("pay_currency", "credits", "coupon", "order_no", "reference", "created_at", "paid_at"),
        *("paid_amount", "trial_days"),
    ),
)
SHOW_OWN = ReadAct(
    name="orders.own-show",
    summary="An order and what became of it",
    path="/orders/{order_id}",
    scopes=_READS,
    audience=(MERCHANT,),
    run=show_order,
    result=Order,
)
ACTS = (CREATE_ORDER, LIST_OWN, SHOW_OWN)
